/** A server-sent event. `id` is null when the event brings none. */
export interface StreamEvent {
  type: string
  data: string
  id: string | null
}

/** Reads server-sent events from a fetch body, which, unlike EventSource, can carry a header with the token. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>).getReader()
  let text = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      text += value.replaceAll('\r\n', '\n')
      let end: number
      while ((end = text.indexOf('\n\n')) >= 0) {
        const event = parseEvent(text.slice(0, end))
        text = text.slice(end + 2)
        if (event) yield event
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function parseEvent(block: string): StreamEvent | null {
  const data: string[] = []
  let type = 'message'
  let id: string | null = null
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    else if (field === 'event') type = value || 'message'
    else if (field === 'id') id = value
  }
  return data.length ? { type, data: data.join('\n'), id } : null
}
