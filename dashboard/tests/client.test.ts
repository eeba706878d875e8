import { afterEach, describe, expect, it, vi } from 'vitest'
import { ApiClient, ApiError } from '@/api/client'

function answer(body: unknown, status = 200, headers: Record<string, string> = {}): void {
  vi.stubGlobal('fetch', vi.fn(async () => new Response(JSON.stringify(body), { status, headers })))
}

const calls = (): [string, RequestInit][] => (fetch as unknown as { mock: { calls: [string, RequestInit][] } }).mock.calls

describe('ApiClient', () => {
  afterEach(() => vi.unstubAllGlobals())
  const client = new ApiClient({ token: () => 'tok', unauthorized: () => undefined })

  it('opens the envelope, sends the token in a header only', async () => {
    answer({ status: 'ok', message: null, data: { a: 1 } })
    await expect(client.get('/api/x', { q: 'ü &', none: undefined, empty: '' })).resolves.toEqual({ a: 1 })
    const [url, init] = calls()[0] ?? ['', {}]
    expect(url).toBe('/api/x?q=%C3%BC+%26')
    expect(new Headers(init.headers).get('Authorization')).toBe('Bearer tok')
    expect(url).not.toContain('tok')
  })

  it('gives the words and the code of a refusal', async () => {
    answer({ status: 'error', message: 'Missing key: name', data: { code: 'BAD_REQUEST' } }, 400)
    await expect(client.post('/api/x')).rejects.toMatchObject({ message: 'Missing key: name', status: 400, code: 'BAD_REQUEST' })
  })

  it('says how long to wait', async () => {
    answer({ status: 'error', message: 'slow down', data: {} }, 429, { 'Retry-After': '7' })
    await expect(client.post('/api/x')).rejects.toMatchObject({ retryAfter: 7 })
  })

  it('tells apart a server that is away from one that refuses', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('network'))))
    const failure = await client.get('/api/x').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApiError)
    expect((failure as ApiError).offline).toBe(true)
  })

  it('signs out when its token is refused, but not on a wrong password', async () => {
    const unauthorized = vi.fn()
    answer({ status: 'error', message: 'Token expired', data: {} }, 401)
    await new ApiClient({ token: () => 'old', unauthorized }).get('/api/x').catch(() => undefined)
    await new ApiClient({ token: () => null, unauthorized }).post('/api/auth/login').catch(() => undefined)
    expect(unauthorized).toHaveBeenCalledTimes(1)
  })

  it('survives an answer that is no envelope', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => new Response('<html>proxy</html>', { status: 502 })))
    await expect(client.get('/api/x')).rejects.toMatchObject({ status: 502 })
  })

  it('passes an abort through', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new DOMException('aborted', 'AbortError'))))
    await expect(client.get('/api/x')).rejects.toMatchObject({ name: 'AbortError' })
  })
})
