/** What the server's routes answer, by the names of the contract. */

export type MediaKind = 'image' | 'record' | 'file' | 'video'
export type Part =
  | { type: 'plain'; text: string }
  | { type: MediaKind; attachment_id: string; filename?: string }
  | { type: 'reply'; message_id: string | number; selected_text?: string }

export interface Session {
  session_id: string
  platform_id: string
  creator: string
  display_name: string
  is_group?: boolean
  created_at: string
  updated_at: string
  profile_id?: string
  umo?: string
  messages?: number
}

export interface SessionPage {
  sessions: Session[]
  next?: string | null
  total?: number
}

export interface TokenUsage {
  input: number
  output: number
  cached?: number
}

export interface ReplyStats {
  time_to_first_token: number
  start_time: number
  end_time: number
  token_usage: TokenUsage
  provider_id?: string
  model?: string
}

export interface StoredToolCall {
  id: string
  name: string
  args: Record<string, unknown>
  result?: string
  ok?: boolean
  ts?: number
  end_ts?: number
}

export interface MessageMeta {
  message_id?: string
  reasoning?: string
  tool_calls?: StoredToolCall[]
  stats?: ReplyStats
}

export interface StoredMessage {
  id: number
  role: 'user' | 'bot' | 'context'
  parts: Part[]
  text: string
  created_at: string
  interrupted?: boolean
  meta?: MessageMeta
}

export interface SessionHistory {
  session?: Session
  history: StoredMessage[]
  has_more?: boolean
  is_running?: boolean
}

export interface Uploaded {
  attachment_id: string
  filename: string
  type: MediaKind
}

/** One field of a form, as `_conf_schema.json` describes it. */
export interface FieldSchema {
  type: 'int' | 'float' | 'bool' | 'string' | 'text' | 'list' | 'file' | 'object' | 'dict' | 'template_list'
  description?: string
  hint?: string
  obvious_hint?: boolean
  default?: unknown
  options?: (string | number)[]
  labels?: string[]
  items?: FormSchema
  slider?: { min: number; max: number; step?: number }
  templates?: Record<string, { name?: string; description?: string; hint?: string; items: FormSchema }>
  file_types?: string[]
  condition?: Record<string, unknown>
  invisible?: boolean
  secret?: boolean
  editor_mode?: boolean
  _special?: string
}
export type FormSchema = Record<string, FieldSchema>
export type FormValue = Record<string, unknown>

export type ProviderKind = 'chat_completion' | 'speech_to_text' | 'text_to_speech' | 'embedding' | 'rerank'
export const PROVIDER_KINDS: readonly ProviderKind[] = ['chat_completion', 'speech_to_text', 'text_to_speech', 'embedding', 'rerank']

export interface Provider {
  id: string
  type: string
  provider_type: ProviderKind
  enable: boolean
  read_only?: boolean
  config: FormValue
  display_name?: string
  model?: string
  health?: string
  last_error?: string | null
}

export interface ProviderType {
  type: string
  provider_type: ProviderKind
  display_name: string
  description?: string
  plugin?: string
  default_config: FormValue
  schema: FormSchema
}

export interface TestResult {
  ok: boolean
  answer?: string
  seconds?: number
  message?: string
}

export interface Voice {
  id: string
  name: string
  language?: string
}

export interface Detected {
  name: string
  source: string
  config: FormValue
}

export interface Profile {
  id: string
  name: string
  is_default?: boolean
  read_only?: boolean
  llm: string[]
  stt: string[]
  tts: string[]
  embedding: string[]
  rerank: string[]
  persona_id: string | null
  plugin_set: string[]
  voice: FormValue
  host?: FormValue
}
export type Chain = 'llm' | 'stt' | 'tts' | 'embedding' | 'rerank'
export const CHAIN_OF: Readonly<Record<ProviderKind, Chain>> = {
  chat_completion: 'llm',
  speech_to_text: 'stt',
  text_to_speech: 'tts',
  embedding: 'embedding',
  rerank: 'rerank',
}

export interface PluginCommand {
  name: string
  aliases?: string[]
  desc?: string
  permission?: string
  conflicts?: string[]
}

export interface PluginTool {
  name: string
  desc?: string
  enabled?: boolean
}

export interface PluginFailure {
  message: string
  detail?: string
  file?: string
  line?: number
}

export interface Plugin {
  name: string
  display_name?: string
  author?: string
  version?: string
  desc?: string
  repo?: string
  enabled: boolean
  reserved?: boolean
  loaded?: boolean
  error?: PluginFailure | null
  has_config?: boolean
  has_readme?: boolean
  commands?: PluginCommand[]
  tools?: PluginTool[]
}

export interface Bot {
  id: string
  type: string
  display_name?: string
  enable: boolean
  read_only?: boolean
  config: FormValue
  state: string
  last_error?: string | null
  started_at?: number | null
}

export interface BotType {
  type: string
  display_name: string
  description?: string
  default_config: FormValue
  schema: FormSchema
}

export interface Persona {
  id: string
  prompt: string
  begin_dialogs: string[]
  mood_imitation_dialogs?: string[]
  tools: string[] | null
  skills?: string[] | null
  custom_error_message?: string | null
  created_at?: string
  updated_at?: string
}

export interface SearchHit {
  session_id: string
  id: number
  role: string
  snippet: string
  created_at: string
  display_name?: string
}

export type Scope = 'chat' | 'config' | 'file' | 'im' | '*'

export interface ApiKey {
  key_id: string
  name: string
  prefix: string
  scopes: Scope[]
  creator: string
  created_at: string
  expires_at: number | null
  last_used_at: number | null
  revoked_at: number | null
}

export interface SignedInSession {
  id: string
  created_at: number | string
  last_seen_at?: number | string
  expires_at: number | string
  user_agent?: string
  address?: string
  current: boolean
}

export interface TaskState {
  name: string
  state: string
  restarts?: number
  last_error?: string | null
}

export interface Overview {
  version: string
  uptime: number
  memory_bytes?: number
  sessions?: { total?: number; live?: number; sockets?: number }
  tasks?: TaskState[]
  python?: string
  platform?: string
  turns_today?: number
  tokens_today?: number
  errors_today?: number
}

export type Range = '1h' | '24h' | '7d' | '30d'
export interface SeriesPoint {
  t: number
  turns: number
  errors: number
  tokens_input: number
  tokens_output: number
}
export interface StagePoint {
  t: number
  p50: number
  p95: number
  count: number
}
export interface Series {
  points: SeriesPoint[]
  stages: Record<string, StagePoint[]>
}
export interface StageSummary {
  p50: number
  p95: number
  p99?: number
  count: number
}

export interface LogLine {
  id: number | string
  ts: number | string
  level: string
  logger: string
  message: string
  fields?: Record<string, unknown>
  plugin?: string
  session_id?: string
  turn_id?: string
  error?: string
}

export interface Versions {
  version: string
  python?: string
  licence?: string
  dependencies: { name: string; version: string; licence?: string }[]
}

export interface McpServer {
  name: string
  transport: string
  config: FormValue
  enable: boolean
  state?: string
  last_error?: string | null
  tools?: PluginTool[]
}
