/** Every route the web UI calls, by resource. */
import { ApiClient, type Hooks } from './client'
import type * as T from './types'

const hooks: Hooks = { token: () => null, unauthorized: () => undefined }
export const client = new ApiClient({ token: () => hooks.token(), unauthorized: () => hooks.unauthorized() })

/** Told once at start where the token lives and what to do when it is refused. */
export function connectClient(next: Hooks): void {
  Object.assign(hooks, next)
}

type Progress = (share: number) => void
type Done = Record<string, unknown>

export const api = {
  auth: {
    login: (username: string, password: string) =>
      client.post<{ token: string; username: string; change_password_hint: boolean }>('/api/auth/login', { username, password }),
    account: () => client.get<{ username: string; must_change_password: boolean }>('/api/auth/account'),
    update: (change: { password: string; new_username?: string; new_password?: string }) =>
      client.post<{ token?: string; username?: string }>('/api/auth/account', change),
    sessions: () => client.get<{ sessions: T.SignedInSession[] }>('/api/auth/sessions'),
    revoke: (id: string) => client.post<Done>('/api/auth/sessions/revoke', { id }),
    logout: () => client.post<Done>('/api/auth/logout'),
    logoutEverywhere: () => client.post<{ token: string }>('/api/auth/logout_everywhere'),
  },
  chat: {
    create: () => client.post<{ session_id: string; platform_id: string }>('/api/chat/new_session'),
    sessions: (query: { before?: string | null; limit?: number; search?: string }, signal?: AbortSignal) =>
      client.get<T.SessionPage>('/api/chat/sessions', query, signal),
    history: (session_id: string, query: { before?: number; limit?: number } = {}, signal?: AbortSignal) =>
      client.get<T.SessionHistory>('/api/chat/get_session', { session_id, ...query }, signal),
    rename: (session_id: string, display_name: string) =>
      client.post<Done>('/api/chat/update_session_display_name', { session_id, display_name }),
    remove: (session_ids: string[]) => client.post<{ deleted: number }>('/api/chat/batch_delete_sessions', { session_ids }),
    stop: (session_id: string, message_id?: string) => client.post<Done>('/api/chat/stop', { session_id, message_id }),
    truncate: (session_id: string, after_id: number) => client.post<{ removed: number }>('/api/chat/truncate', { session_id, after_id }),
    bindProfile: (session_id: string, profile_id: string) => client.post<Done>('/api/chat/bind_profile', { session_id, profile_id }),
    upload: (file: Blob, name: string, onProgress?: Progress, signal?: AbortSignal) =>
      client.upload<T.Uploaded>('/api/chat/post_file', file, { name, onProgress, signal }),
    attachment: (attachment_id: string, signal?: AbortSignal) => client.blob('/api/chat/get_attachment', { attachment_id }, signal),
    export: (session_id: string, format: 'json' | 'markdown') => client.blob('/api/chat/export', { session_id, format }),
  },
  providers: {
    list: () => client.get<{ providers: T.Provider[] }>('/api/provider/list'),
    catalogue: () => client.get<{ types: T.ProviderType[] }>('/api/provider/catalogue'),
    create: (config: T.FormValue, from_detected = false) => client.post<Done>('/api/provider/new', { config, ...(from_detected ? { from_detected } : {}) }),
    update: (id: string, config: T.FormValue) => client.post<Done>('/api/provider/update', { id, config }),
    remove: (id: string) => client.post<Done>('/api/provider/delete', { id }),
    test: (target: { id: string } | { config: T.FormValue }) => client.post<T.TestResult>('/api/provider/test', target),
    models: (target: { id: string } | { config: T.FormValue }) => client.post<{ models: string[] }>('/api/provider/models', target),
    voices: (id: string) => client.get<{ voices: T.Voice[] }>('/api/provider/voices', { id }),
    detected: () => client.get<{ found: T.Detected[] }>('/api/provider/detected'),
  },
  profiles: {
    list: () => client.get<{ configs: T.Profile[] }>('/api/config/list'),
    read: (id: string) => client.get<{ profile: T.Profile }>('/api/config/read', { id }),
    create: (name: string, copy_from?: string) => client.post<{ id: string }>('/api/config/create', { name, copy_from }),
    write: (id: string, profile: Partial<T.Profile>) => client.post<Done>('/api/config/write', { id, profile }),
    remove: (id: string) => client.post<Done>('/api/config/delete', { id }),
    schema: () => client.get<{ voice: T.FormSchema; host: T.FormSchema }>('/api/config/schema'),
  },
  plugins: {
    list: () => client.get<{ plugins: T.Plugin[] }>('/api/plugin/get'),
    install: (source: { url: string } | { path: string }) => client.post<{ name: string }>('/api/plugin/install', source),
    installUpload: (file: File, onProgress?: Progress) => client.upload<{ name: string }>('/api/plugin/install-upload', file, { onProgress }),
    uninstall: (name: string, delete_config: boolean, delete_data: boolean) =>
      client.post<Done>('/api/plugin/uninstall', { name, delete_config, delete_data }),
    switch: (name: string, on: boolean) => client.post<Done>(on ? '/api/plugin/on' : '/api/plugin/off', { name }),
    reload: (name: string) => client.post<Done>('/api/plugin/reload', { name }),
    update: (name: string) => client.post<Done>('/api/plugin/update', { name }),
    config: (name: string) => client.get<{ schema: T.FormSchema; config: T.FormValue }>('/api/plugin/config', { name }),
    saveConfig: (name: string, config: T.FormValue) => client.post<{ config?: T.FormValue }>('/api/plugin/config', { name, config }),
    uploadFile: (name: string, key: string, file: File, onProgress?: Progress) =>
      client.upload<{ path: string }>(`/api/plugin/config-file?${new URLSearchParams({ name, key }).toString()}`, file, { onProgress }),
    readme: (name: string) => client.get<{ text: string }>('/api/plugin/readme', { name }),
    tool: (name: string, enabled: boolean) => client.post<Done>('/api/plugin/tool', { name, enabled }),
  },
  bots: {
    list: () => client.get<{ platforms: T.Bot[] }>('/api/platform/list'),
    catalogue: () => client.get<{ types: T.BotType[] }>('/api/platform/catalogue'),
    create: (config: T.FormValue) => client.post<Done>('/api/platform/new', { config }),
    update: (id: string, config: T.FormValue) => client.post<Done>('/api/platform/update', { id, config }),
    remove: (id: string) => client.post<Done>('/api/platform/delete', { id }),
    start: (id: string) => client.post<Done>('/api/platform/start', { id }),
    stop: (id: string) => client.post<Done>('/api/platform/stop', { id }),
  },
  personas: {
    list: () => client.get<{ personas: T.Persona[] }>('/api/persona/list'),
    create: (persona: T.Persona) => client.post<Done>('/api/persona/create', persona),
    update: (persona: T.Persona) => client.post<Done>('/api/persona/update', persona),
    remove: (id: string) => client.post<Done>('/api/persona/delete', { id }),
    tools: () => client.get<{ tools: { name: string; desc?: string; source?: string }[] }>('/api/persona/tools'),
  },
  conversations: {
    list: (query: { search?: string; platform_id?: string; before?: string | null; limit?: number }, signal?: AbortSignal) =>
      client.get<T.SessionPage>('/api/conversation/list', query, signal),
    read: (session_id: string, query: { before?: number; limit?: number } = {}) =>
      client.get<T.SessionHistory>('/api/conversation/read', { session_id, ...query }),
    search: (q: string, limit = 50, signal?: AbortSignal) => client.get<{ hits: T.SearchHit[] }>('/api/conversation/search', { q, limit }, signal),
    export: (session_id: string, format: 'json' | 'markdown') => client.blob('/api/conversation/export', { session_id, format }),
    attachment: (attachment_id: string, signal?: AbortSignal) => client.blob('/api/conversation/attachment', { attachment_id }, signal),
    remove: (session_ids: string[]) => client.post<{ deleted: number }>('/api/conversation/delete', { session_ids }),
  },
  keys: {
    list: () => client.get<{ keys: T.ApiKey[] }>('/api/apikey/list'),
    create: (name: string, scopes: T.Scope[], expires_in_days: number | null) =>
      client.post<{ key: string; record: T.ApiKey }>('/api/apikey/create', { name, scopes, expires_in_days }),
    revoke: (key_id: string) => client.post<Done>('/api/apikey/revoke', { key_id }),
    remove: (key_id: string) => client.post<Done>('/api/apikey/delete', { key_id }),
  },
  statistics: {
    overview: () => client.get<T.Overview>('/api/stat/overview'),
    series: (range: T.Range) => client.get<T.Series>('/api/stat/series', { range }),
    latency: (range: T.Range) => client.get<{ stages: Record<string, T.StageSummary> }>('/api/stat/latency', { range }),
    versions: () => client.get<T.Versions>('/api/stat/versions'),
  },
  logs: {
    history: (query: { limit?: number; level?: string; plugin?: string; session_id?: string; turn_id?: string }) =>
      client.get<{ lines: T.LogLine[] }>('/api/log/history', query),
    live: (signal: AbortSignal) => client.raw('/api/log/live', { signal, headers: { Accept: 'text/event-stream' } }),
  },
  backup: {
    export: (signal?: AbortSignal) => client.raw('/api/backup/export', { method: 'POST', signal }),
    import: (file: File, onProgress?: Progress) =>
      client.upload<{ restored?: Record<string, number>; restart_required?: boolean }>('/api/backup/import', file, { onProgress }),
  },
  mcp: {
    list: () => client.get<{ servers: T.McpServer[] }>('/api/mcp/list'),
  },
}
