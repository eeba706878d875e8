/** The one way to the server's HTTP routes: envelope, token, errors, uploads with progress. */

/** A refusal or failure with the server's code and its words, which say what to do. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code = '',
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /** The server could not be reached at all. */
  get offline(): boolean {
    return this.status === 0
  }

  /** Asking again would be answered the same. */
  get final(): boolean {
    return this.status >= 400 && this.status < 500 && this.status !== 408 && this.status !== 429
  }
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface Hooks {
  token(): string | null
  unauthorized(): void
}

interface Envelope {
  status: string
  message: string | null
  data: unknown
  code?: string
}

function isEnvelope(value: unknown): value is Envelope {
  return typeof value === 'object' && value !== null && 'status' in value && 'data' in value
}

function withQuery(path: string, query?: Query): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null && value !== '')
  if (!pairs.length) return path
  return `${path}?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString()}`
}

function errorFrom(status: number, body: unknown, retryAfter: string | null): ApiError {
  const seconds = retryAfter === null ? null : Number(retryAfter)
  if (isEnvelope(body)) {
    const data = body.data as { code?: unknown } | null
    const code = body.code ?? (typeof data?.code === 'string' ? data.code : '')
    return new ApiError(body.message || `HTTP ${status}`, status, code, seconds)
  }
  return new ApiError(`HTTP ${status}`, status, '', seconds)
}

export class ApiClient {
  constructor(
    private readonly hooks: Hooks,
    private readonly base = '',
  ) {}

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.json<T>(withQuery(path, query), { method: 'GET', signal })
  }

  post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
    return this.json<T>(path, {
      method: 'POST',
      signal,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  /** A file of the server's; the token goes in a header, never in an address. */
  async blob(path: string, query?: Query, signal?: AbortSignal): Promise<{ blob: Blob; filename: string }> {
    const response = await this.raw(withQuery(path, query), { method: 'GET', signal })
    return { blob: await response.blob(), filename: filenameOf(response.headers.get('Content-Disposition')) }
  }

  /** The raw answer of a stream (server-sent events). Throws ApiError unless it is a success. */
  async raw(path: string, init: RequestInit = {}): Promise<Response> {
    const token = this.hooks.token()
    const response = await this.fetch(path, init)
    if (response.ok) return response
    const body: unknown = await response.json().catch(() => null)
    const failure = errorFrom(response.status, body, response.headers.get('Retry-After'))
    if (response.status === 401 && token) this.hooks.unauthorized()
    throw failure
  }

  /** Whatever is answered, a refusal too: for plugins' own web APIs, whose statuses are their own. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers)
    const token = this.hooks.token()
    if (token) headers.set('Authorization', `Bearer ${token}`)
    try {
      return await fetch(this.base + path, { ...init, headers, credentials: 'same-origin' })
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error
      throw new ApiError('offline', 0, 'OFFLINE')
    }
  }

  /** Sends one file as multipart; XMLHttpRequest because fetch reports no upload progress. */
  upload<T>(path: string, file: Blob, options: { name?: string; query?: Query; onProgress?: (share: number) => void; signal?: AbortSignal } = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const request = new XMLHttpRequest()
      const form = new FormData()
      const fallback = file instanceof File ? file.name : 'file'
      form.append('file', file, options.name ?? fallback)
      request.open('POST', this.base + withQuery(path, options.query))
      const token = this.hooks.token()
      if (token) request.setRequestHeader('Authorization', `Bearer ${token}`)
      request.upload.onprogress = (event) => {
        if (event.lengthComputable) options.onProgress?.(event.loaded / event.total)
      }
      request.onload = () => {
        let body: unknown = null
        try {
          body = JSON.parse(request.responseText)
        } catch {
          // Not JSON: a proxy answered, and the status says enough.
        }
        if (request.status >= 200 && request.status < 300 && isEnvelope(body) && body.status === 'ok') {
          resolve(body.data as T)
          return
        }
        if (request.status === 401 && token) this.hooks.unauthorized()
        reject(errorFrom(request.status, body, request.getResponseHeader('Retry-After')))
      }
      request.onerror = () => reject(new ApiError('offline', 0, 'OFFLINE'))
      request.onabort = () => reject(new DOMException('aborted', 'AbortError'))
      options.signal?.addEventListener('abort', () => request.abort(), { once: true })
      request.send(form)
    })
  }

  private async json<T>(path: string, init: RequestInit): Promise<T> {
    const response = await this.raw(path, init)
    const body: unknown = await response.json().catch(() => null)
    if (!isEnvelope(body)) throw new ApiError(`HTTP ${response.status}`, response.status)
    if (body.status !== 'ok') throw errorFrom(response.status, body, null)
    return body.data as T
  }
}

/** The name a `Content-Disposition` header gives; empty when it gives none. */
export function filenameOf(disposition: string | null): string {
  const extended = /filename\*=UTF-8''([^;]+)/i.exec(disposition ?? '')?.[1]
  if (extended) return decodeURIComponent(extended)
  return /filename="?([^";]+)"?/i.exec(disposition ?? '')?.[1] ?? ''
}

/** Hands a blob to the browser as a download. */
export function saveBlob(blob: Blob, filename: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = filename
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
