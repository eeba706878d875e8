/**
 * The web UI's end of `window.AstrBotPluginPage`: a plugin's page in its sandboxed frame asks by messages, and this does
 * what is asked at the plugin's own web API. The page never sees the sign-in token, and reaches no other address.
 */
import { filenameOf, type ApiClient, type Query } from '@/api/client'
import { readEvents } from '@/lib/eventStream'

const CHANNEL = 'astrbot-plugin-page'
const MOST_STREAMS = 16
const UPLOAD_LIMIT = 100 * 1024 * 1024

/** What a page is told about itself and its surroundings; AstrBot's names. */
export interface PageContext {
  pluginName: string
  displayName: string
  pageName: string
  pageTitle: string
  locale: string
  i18n: Readonly<Record<string, unknown>>
  isDark: boolean
}

/** A load that the page's Content-Security-Policy forbade. */
export interface Blocked {
  address: string
  directive: string
}

interface Request {
  requestId: string
  action: string
  endpoint: string
  params: Query
  body: unknown
  fileName: string
  fileType: string
  fileBuffer: unknown
  filename: string
  subscriptionId: string
}

export interface BridgeHost {
  client: Pick<ApiClient, 'fetch'>
  plugin: string
  post: (message: Record<string, unknown>) => void
  context: () => PageContext
  save: (blob: Blob, filename: string) => void
  blocked: (what: Blocked) => void
}

/** The path of a plugin's web API; a page can't lead it elsewhere. */
export function endpointPath(plugin: string, endpoint: unknown): string {
  if (typeof endpoint !== 'string') throw new Error('The endpoint must be a text.')
  const path = endpoint.trim().replace(/^\/+/, '')
  const segments = path.split('/')
  if (/[\\?#]|:\/\//.test(path) || segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new Error(`“${endpoint}” is no endpoint: give a path such as settings/save, and parameters apart.`)
  }
  return `/api/plug/${[plugin, ...segments].map(encodeURIComponent).join('/')}`
}

/** AstrBot's rule: an error is thrown, `data` of an envelope is unwrapped, anything else is given as it is. */
export function unwrapped(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body
  if ('status' in body && body.status === 'error') throw new Error(wordsOf(body) || 'The plugin refused.')
  return ('data' in body ? body.data : undefined) ?? body
}

function wordsOf(body: unknown): string {
  if (typeof body !== 'object' || body === null) return ''
  const words = ('message' in body && body.message) || ('error' in body && body.error)
  return typeof words === 'string' ? words : ''
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function queryOf(params: unknown): string {
  const query = new URLSearchParams()
  if (typeof params === 'object' && params !== null) {
    for (const [key, value] of Object.entries(params)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) query.append(key, typeof one === 'object' ? JSON.stringify(one) : String(one))
      }
    }
  }
  const text = query.toString()
  return text ? `?${text}` : ''
}

export class PageBridge {
  private readonly streams = new Map<string, AbortController>()

  constructor(private readonly host: BridgeHost) {}

  /** Tells the page how things are now: at its start, and when language or theme change. */
  tell(): void {
    this.host.post({ channel: CHANNEL, kind: 'context', context: this.host.context() })
  }

  /** Takes a message of the page; resolves when it is answered. */
  async take(message: unknown): Promise<void> {
    if (typeof message !== 'object' || message === null || !('channel' in message) || message.channel !== CHANNEL) return
    const { kind } = message as { kind?: unknown }
    if (kind === 'ready') this.tell()
    else if (kind === 'blocked') {
      const { address, directive } = message as Partial<Blocked>
      this.host.blocked({ address: String(address), directive: String(directive) })
    } else if (kind === 'request') await this.answer(message as unknown as Request)
  }

  /** Ends what still runs for the page. */
  close(): void {
    for (const stream of this.streams.values()) stream.abort()
    this.streams.clear()
  }

  private async answer(request: Request): Promise<void> {
    const reply = (fields: Record<string, unknown>): void => {
      this.host.post({ channel: CHANNEL, kind: 'response', requestId: request.requestId, ...fields })
    }
    try {
      reply({ ok: true, data: await this.act(request) })
    } catch (failure) {
      reply({ ok: false, error: failure instanceof Error ? failure.message : String(failure) })
    }
  }

  private act(request: Request): Promise<unknown> {
    switch (request.action) {
      case 'api:get':
        return this.call(request, { method: 'GET' }, request.params)
      case 'api:post':
        return this.call(request, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(request.body ?? {}) })
      case 'files:upload':
        return this.upload(request)
      case 'files:download':
        return this.download(request)
      case 'sse:subscribe':
        return this.subscribe(request)
      case 'sse:unsubscribe':
        this.streams.get(request.subscriptionId)?.abort()
        this.streams.delete(request.subscriptionId)
        return Promise.resolve({ subscriptionId: request.subscriptionId })
      default:
        return Promise.reject(new Error(`The web UI knows no action named ${request.action}.`))
    }
  }

  private async call(request: Request, init: RequestInit, params?: unknown): Promise<unknown> {
    const response = await this.fetch(request, init, params)
    return unwrapped(parsed(await response.text()))
  }

  private async fetch(request: Request, init: RequestInit, params?: unknown): Promise<Response> {
    const response = await this.host.client.fetch(endpointPath(this.host.plugin, request.endpoint) + queryOf(params), init)
    if (!response.ok) throw new Error(wordsOf(parsed(await response.text())) || `HTTP ${response.status}`)
    return response
  }

  private upload(request: Request): Promise<unknown> {
    const { fileBuffer } = request
    if (!(fileBuffer instanceof ArrayBuffer) || fileBuffer.byteLength > UPLOAD_LIMIT) {
      return Promise.reject(new Error('There is no file to upload, or it is larger than 100 MiB.'))
    }
    const form = new FormData()
    form.append('file', new File([fileBuffer], request.fileName || 'upload.bin', { type: request.fileType || 'application/octet-stream' }))
    return this.call(request, { method: 'POST', body: form })
  }

  private async download(request: Request): Promise<{ filename: string }> {
    const response = await this.fetch(request, { method: 'GET' }, request.params)
    const filename = request.filename || filenameOf(response.headers.get('Content-Disposition')) || 'download.bin'
    this.host.save(await response.blob(), filename)
    return { filename }
  }

  private async subscribe(request: Request): Promise<{ subscriptionId: string }> {
    const { subscriptionId } = request
    if (!subscriptionId || this.streams.size >= MOST_STREAMS) throw new Error(`A page may follow ${MOST_STREAMS} streams at once.`)
    this.streams.get(subscriptionId)?.abort()
    const control = new AbortController()
    this.streams.set(subscriptionId, control)
    try {
      const response = await this.fetch(request, { method: 'GET', headers: { Accept: 'text/event-stream' }, signal: control.signal }, request.params)
      if (!response.body) throw new Error('The plugin answered without a stream.')
      void this.follow(subscriptionId, response.body, control)
    } catch (failure) {
      this.streams.delete(subscriptionId)
      throw failure
    }
    return { subscriptionId }
  }

  private async follow(subscriptionId: string, body: ReadableStream<Uint8Array>, control: AbortController): Promise<void> {
    const state = (name: string): void => this.host.post({ channel: CHANNEL, kind: 'sse_state', subscriptionId, state: name })
    let lastEventId = ''
    state('open')
    try {
      for await (const event of readEvents(body)) {
        if (control.signal.aborted) return
        if (event.id !== null) lastEventId = event.id
        this.host.post({ channel: CHANNEL, kind: 'sse_message', subscriptionId, data: event.data, eventType: event.type, lastEventId })
      }
      state('closed')
    } catch {
      if (!control.signal.aborted) state('error')
    } finally {
      if (this.streams.get(subscriptionId) === control) this.streams.delete(subscriptionId)
    }
  }
}
