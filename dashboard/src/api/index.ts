/** Every route the web UI calls, by resource; names, queries, bodies and answers are the contract's. */
import { ApiClient, type Hooks } from './client'
import type { BodyOf, DataOf, PathOf, QueryOf } from './contract'
import type * as T from './types'

const hooks: Hooks = { token: () => null, unauthorized: () => undefined }
export const client = new ApiClient({ token: () => hooks.token(), unauthorized: () => hooks.unauthorized() })

/** Told once at start where the token lives and what to do when it is refused. */
export function connectClient(next: Hooks): void {
  Object.assign(hooks, next)
}

const get = <P extends PathOf<'get'>>(path: P, query?: QueryOf<P, 'get'>, signal?: AbortSignal): Promise<DataOf<P, 'get'>> => client.get(path, query as never, signal)
const post = <P extends PathOf<'post'>>(path: P, body: BodyOf<P>): Promise<DataOf<P, 'post'>> => client.post(path, body)
const file = <P extends PathOf<'get'>>(path: P, query: QueryOf<P, 'get'>, signal?: AbortSignal): Promise<{ blob: Blob; filename: string }> => client.blob(path, query as never, signal)
const send = <P extends PathOf<'post'>>(path: P, content: Blob, options: Parameters<ApiClient['upload']>[2]): Promise<DataOf<P, 'post'>> => client.upload(path, content, options)

type Progress = (share: number) => void
type Probe = { id?: string; config?: T.FormValue }
const none = {} as Record<string, never>

/** Parts and forms are open objects in the contract; these say what is known of them. */
const history = (answer: DataOf<'/api/chat/get_session', 'get'>): T.SessionHistory => answer as T.SessionHistory

export const api = {
  auth: {
    login: (username: string, password: string) => post('/api/auth/login', { username, password }),
    account: () => get('/api/auth/account'),
    update: (change: BodyOf<'/api/auth/account'>) => post('/api/auth/account', change),
    sessions: () => get('/api/auth/sessions'),
    revoke: (id: string) => post('/api/auth/sessions/revoke', { id }),
    logout: () => post('/api/auth/logout', none),
    logoutEverywhere: () => post('/api/auth/logout_everywhere', none),
  },
  chat: {
    create: () => post('/api/chat/new_session', none),
    sessions: (query: QueryOf<'/api/chat/sessions', 'get'>, signal?: AbortSignal) => get('/api/chat/sessions', query, signal),
    history: (session_id: string, query: { before?: number; limit?: number } = {}, signal?: AbortSignal) =>
      get('/api/chat/get_session', { session_id, ...query }, signal).then(history),
    rename: (session_id: string, display_name: string) => post('/api/chat/update_session_display_name', { session_id, display_name }),
    remove: (session_ids: string[]) => post('/api/chat/batch_delete_sessions', { session_ids }),
    stop: (session_id: string) => post('/api/chat/stop', { session_id }),
    truncate: (session_id: string, after_id: number) => post('/api/chat/truncate', { session_id, after_id }),
    bindProfile: (session_id: string, profile_id: string) => post('/api/chat/bind_profile', { session_id, profile_id }),
    upload: (content: Blob, name: string, onProgress?: Progress, signal?: AbortSignal) => send('/api/chat/post_file', content, { name, onProgress, signal }),
    attachment: (attachment_id: string, signal?: AbortSignal) => file('/api/chat/get_attachment', { attachment_id }, signal),
    export: (session_id: string, format: 'json' | 'markdown') => file('/api/chat/export', { session_id, format }),
  },
  providers: {
    list: () => get('/api/provider/list').then((answer) => answer as { providers: T.Provider[]; chains: T.ChainInUse[] }),
    catalogue: () => get('/api/provider/catalogue').then((answer) => answer.types as unknown as T.ProviderType[]),
    create: (config: T.FormValue) => post('/api/provider/new', { config }),
    update: (id: string, config: T.FormValue) => post('/api/provider/update', { id, config }),
    remove: (id: string) => post('/api/provider/delete', { id }),
    test: (target: Probe) => post('/api/provider/test', target),
    models: (target: Probe) => post('/api/provider/models', target),
    voices: (id: string) => get('/api/provider/voices', { id }),
    detected: () => get('/api/provider/detected'),
  },
  profiles: {
    list: () => get('/api/config/list'),
    read: (id: string) => get('/api/config/read', { id }),
    create: (name: string, copy_from?: string) => post('/api/config/create', { name, copy_from }),
    write: (id: string, profile: Partial<T.Profile>) => post('/api/config/write', { id, profile }),
    remove: (id: string) => post('/api/config/delete', { id }),
    schema: () => get('/api/config/schema').then((answer) => answer as unknown as T.ProfileForms),
  },
  plugins: {
    list: () => get('/api/plugin/get').then((answer) => answer.plugins),
    install: (source: BodyOf<'/api/plugin/install'>) => post('/api/plugin/install', source),
    installUpload: (content: File, onProgress?: Progress) => send('/api/plugin/install-upload', content, { onProgress }),
    uninstall: (name: string, delete_config: boolean, delete_data: boolean) => post('/api/plugin/uninstall', { name, delete_config, delete_data }),
    switch: (name: string, on: boolean) => post(on ? '/api/plugin/on' : '/api/plugin/off', { name }),
    reload: (name: string) => post('/api/plugin/reload', { name }),
    update: (name: string) => post('/api/plugin/update', { name }),
    config: (name: string) => get('/api/plugin/config', { name }).then((answer) => answer as unknown as T.PluginConfig),
    saveConfig: (name: string, config: T.FormValue) => post('/api/plugin/config', { name, config }),
    uploadFile: (name: string, key: string, content: File, onProgress?: Progress) =>
      send('/api/plugin/config-file', content, { onProgress, query: { name, key } }),
    readme: (name: string) => get('/api/plugin/readme', { name }),
    logo: (name: string) => file('/api/plugin/logo', { name }),
    tool: (name: string, enabled: boolean) => post('/api/plugin/tool', { name, enabled }),
    page: (query: QueryOf<'/api/plugin/page', 'get'>) => get('/api/plugin/page', query),
  },
  mcp: {
    list: () => get('/api/mcp/list').then((answer) => answer.servers),
    create: (name: string, config: T.FormValue) => post('/api/mcp/new', { name, config }),
    update: (name: string, config: T.FormValue) => post('/api/mcp/update', { name, config }),
    remove: (name: string) => post('/api/mcp/delete', { name }),
    test: (probe: BodyOf<'/api/mcp/test'>) => post('/api/mcp/test', probe),
    tool: (server: string, tool: string, enabled: boolean) => post('/api/mcp/tool', { server, tool, enabled }),
  },
  bots: {
    list: () => get('/api/platform/list'),
    catalogue: () => get('/api/platform/catalogue').then((answer) => answer.types as unknown as T.BotType[]),
    create: (config: T.FormValue) => post('/api/platform/new', { config }),
    update: (id: string, config: T.FormValue) => post('/api/platform/update', { id, config }),
    remove: (id: string) => post('/api/platform/delete', { id }),
    start: (id: string) => post('/api/platform/start', { id }),
    stop: (id: string) => post('/api/platform/stop', { id }),
  },
  personas: {
    list: () => get('/api/persona/list'),
    create: (persona: T.PersonaInput) => post('/api/persona/create', persona),
    update: (persona: T.PersonaInput) => post('/api/persona/update', persona),
    remove: (id: string) => post('/api/persona/delete', { id }),
    tools: () => get('/api/persona/tools'),
  },
  conversations: {
    list: (query: QueryOf<'/api/conversation/list', 'get'>, signal?: AbortSignal) => get('/api/conversation/list', query, signal),
    read: (session_id: string, query: { before?: number; limit?: number } = {}) => get('/api/conversation/read', { session_id, ...query }).then(history),
    search: (q: string, limit = 50) => get('/api/conversation/search', { q, limit }),
    export: (session_id: string, format: 'json' | 'markdown') => file('/api/conversation/export', { session_id, format }),
    attachment: (attachment_id: string, signal?: AbortSignal) => file('/api/conversation/attachment', { attachment_id }, signal),
    remove: (session_ids: string[]) => post('/api/conversation/delete', { session_ids }),
  },
  keys: {
    list: () => get('/api/apikey/list'),
    create: (name: string, scopes: T.Scope[], expires_in_days: number | null) => post('/api/apikey/create', { name, scopes, expires_in_days }),
    revoke: (key_id: string) => post('/api/apikey/revoke', { key_id }),
    remove: (key_id: string) => post('/api/apikey/delete', { key_id }),
  },
  statistics: {
    overview: () => get('/api/stat/overview'),
    series: (range: T.Range) => get('/api/stat/series', { range }),
    latency: (range: T.Range) => get('/api/stat/latency', { range }),
    usage: (range: T.Range, by: T.UsageKey) => get('/api/stat/usage', { range, by }),
    versions: () => get('/api/stat/versions'),
    limits: () => get('/api/stat/limits'),
    setLimit: (limit: T.UsageLimit) => post('/api/stat/limits', limit),
    liftLimit: (limit: Omit<T.UsageLimit, 'tokens'>) => post('/api/stat/limits/lift', limit),
  },
  logs: {
    history: (query: QueryOf<'/api/log/history', 'get'>) => get('/api/log/history', query),
    live: (query: Record<string, string>, signal: AbortSignal) => client.raw(`/api/log/live?${new URLSearchParams(query).toString()}`, { signal, headers: { Accept: 'text/event-stream' } }),
  },
  backup: {
    list: () => get('/api/backup/list'),
    create: () => post('/api/backup/create', {}),
    download: (name: string) => client.raw(`/api/backup/download?${new URLSearchParams({ name }).toString()}`),
    restore: (name: string) => post('/api/backup/restore', { name }),
    remove: (name: string) => post('/api/backup/delete', { name }),
    import: (content: File, onProgress?: Progress) => send('/api/backup/import', content, { onProgress }),
  },
}
