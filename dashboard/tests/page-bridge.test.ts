import { afterEach, describe, expect, it, vi } from 'vitest'
import { endpointPath, PageBridge, unwrapped, type Blocked } from '@/plugins/pageBridge'
import { translatedForm } from '@/plugins/texts'
import { locale } from '@/i18n'

const context = { pluginName: 'p', displayName: 'P', pageName: 'q', pageTitle: 'Q', locale: 'en-US', i18n: {}, isDark: false }

function bridgeWith(answer: (path: string, init?: RequestInit) => Response | Promise<Response>) {
  const posted: Record<string, unknown>[] = []
  const saved: string[] = []
  const refused: Blocked[] = []
  const fetch = vi.fn(async (path: string, init?: RequestInit) => answer(path, init))
  const bridge = new PageBridge({
    client: { fetch },
    plugin: 'my plugin',
    post: (message) => posted.push(message),
    context: () => context,
    save: (_, filename) => saved.push(filename),
    blocked: (what) => refused.push(what),
  })
  const ask = (action: string, fields: Record<string, unknown> = {}): Promise<void> =>
    bridge.take({ channel: 'astrbot-plugin-page', kind: 'request', requestId: 'r', action, ...fields })
  return { bridge, posted, saved, refused, fetch, ask }
}

const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status })

describe('endpointPath', () => {
  it('stays within the plugin', () => {
    expect(endpointPath('my plugin', '/items/a b')).toBe('/api/plug/my%20plugin/items/a%20b')
    for (const wrong of ['', '/', '../other', 'a/../b', 'a//b', 'a?x=1', 'a#b', 'https://x', 'a\\b', './a', 3]) {
      expect(() => endpointPath('p', wrong)).toThrow()
    }
  })
})

describe('unwrapped', () => {
  it('follows the rule plugins know', () => {
    expect(unwrapped({ status: 'ok', data: [1] })).toEqual([1])
    expect(unwrapped({ message: 'pong' })).toEqual({ message: 'pong' })
    expect(unwrapped({ data: null, n: 1 })).toEqual({ data: null, n: 1 })
    expect(unwrapped('text')).toBe('text')
    expect(() => unwrapped({ status: 'error', message: 'no' })).toThrow('no')
  })
})

describe('PageBridge', () => {
  afterEach(() => vi.restoreAllMocks())

  it('asks the plugin and answers the page', async () => {
    const { ask, posted, fetch } = bridgeWith(() => json({ status: 'ok', data: { n: 1 } }))
    await ask('api:get', { endpoint: 'stats', params: { limit: 2, tag: ['a', 'b'], none: null } })
    expect(fetch.mock.calls[0]?.[0]).toBe('/api/plug/my%20plugin/stats?limit=2&tag=a&tag=b')
    await ask('api:post', { endpoint: 'save', body: { on: true } })
    expect(fetch.mock.calls[1]?.[1]?.body).toBe('{"on":true}')
    expect(posted).toEqual([1, 2].map(() => ({ channel: 'astrbot-plugin-page', kind: 'response', requestId: 'r', ok: true, data: { n: 1 } })))
  })

  it('passes on what the plugin says when it refuses, a refusal of its own with 401 included', async () => {
    const { ask, posted } = bridgeWith(() => json({ status: 'error', message: 'not you', data: null }, 401))
    await ask('api:get', { endpoint: 'x' })
    await ask('api:get', { endpoint: '../x' })
    await ask('api:delete', { endpoint: 'x' })
    expect(posted.map((message) => message.error)).toEqual(['not you', expect.stringContaining('no endpoint'), expect.stringContaining('api:delete')])
  })

  it('uploads and downloads', async () => {
    const { ask, posted, saved, fetch } = bridgeWith((path) =>
      path.endsWith('export') ? new Response('x', { headers: { 'Content-Disposition': 'attachment; filename="a.json"' } }) : json({ stored: true }),
    )
    await ask('files:upload', { endpoint: 'import', fileName: 'n.txt', fileType: 'text/plain', fileBuffer: new ArrayBuffer(3) })
    const sent = (fetch.mock.calls[0]?.[1]?.body as FormData).get('file') as File
    expect([sent.name, sent.size]).toEqual(['n.txt', 3])
    await ask('files:upload', { endpoint: 'import', fileBuffer: 'none' })
    await ask('files:download', { endpoint: 'export' })
    await ask('files:download', { endpoint: 'export', filename: 'mine.json' })
    expect(saved).toEqual(['a.json', 'mine.json'])
    expect(posted.map((message) => message.ok)).toEqual([true, false, true, true])
  })

  it('follows streams until they are let go', async () => {
    let push: ReadableStreamDefaultController<Uint8Array> | undefined
    const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (push = controller) })
    let signal: AbortSignal | null | undefined
    const { ask, bridge, posted } = bridgeWith((_, init) => {
      signal = init?.signal
      return new Response(stream)
    })
    await ask('sse:subscribe', { endpoint: 'events', subscriptionId: 's' })
    push?.enqueue(new TextEncoder().encode('event: tick\nid: 4\ndata: {"n":\ndata: 1}\n\n: comment\n\n'))
    await vi.waitFor(() => expect(posted.at(-1)).toMatchObject({ kind: 'sse_message' }))
    expect(posted.at(-1)).toMatchObject({ subscriptionId: 's', eventType: 'tick', lastEventId: '4', data: '{"n":\n1}' })
    expect(posted.some((message) => message.kind === 'sse_state' && message.state === 'open')).toBe(true)
    bridge.close()
    expect(signal?.aborted).toBe(true)
  })

  it('tells the context, and hears what was refused; strangers are not heard', async () => {
    const { bridge, posted, refused } = bridgeWith(() => json({}))
    await bridge.take({ channel: 'astrbot-plugin-page', kind: 'ready' })
    await bridge.take({ channel: 'astrbot-plugin-page', kind: 'blocked', address: 'https://cdn', directive: 'script-src' })
    for (const stranger of [null, 'x', { kind: 'ready' }, { channel: 'other', kind: 'ready' }]) await bridge.take(stranger)
    expect(posted).toEqual([{ channel: 'astrbot-plugin-page', kind: 'context', context }])
    expect(refused).toEqual([{ address: 'https://cdn', directive: 'script-src' }])
  })
})

describe('translatedForm', () => {
  it('replaces words of fields, in objects and templates, too', () => {
    locale.value = 'en'
    const schema = {
      mode: { type: 'string', description: '模式', options: ['fast'], labels: ['快'] },
      more: { type: 'object', description: '更多', items: { times: { type: 'int', description: '次数' } } },
      rules: { type: 'template_list', templates: { plain: { name: '普通', items: { at: { type: 'int', description: '阈值' } } } } },
    } as const
    const texts = {
      mode: { description: 'Mode', hint: 'How.', labels: ['Fast'] },
      more: { times: { description: 'Times' } },
      rules: { templates: { plain: { name: 'Plain', at: { description: 'Threshold' } } } },
    }
    const made = translatedForm(JSON.parse(JSON.stringify(schema)), texts)
    expect(made.mode).toMatchObject({ description: 'Mode', hint: 'How.', labels: ['Fast'], options: ['fast'] })
    expect(made.more?.description).toBe('更多')
    expect(made.more?.items?.times?.description).toBe('Times')
    expect(made.rules?.templates?.plain).toMatchObject({ name: 'Plain', items: { at: { description: 'Threshold' } } })
  })
})
