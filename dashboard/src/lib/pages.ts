interface Page {
  readonly sessions: readonly unknown[]
  readonly next?: string | null
}

const TRIES = 100

/** The next page that holds something: one of a search looks through a bounded number of sessions, and may be empty though there are more. */
export async function filledPage<P extends Page>(load: (before: string | null) => Promise<P>, before: string | null): Promise<P> {
  let page = await load(before)
  for (let tries = 1; page.next && !page.sessions.length && tries < TRIES; tries += 1) page = await load(page.next)
  return page
}
