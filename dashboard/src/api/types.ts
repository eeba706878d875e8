/** The contract's types by the names this application uses, refined where the contract leaves an object open. */
import type { components } from './schema'

type S = components['schemas']

export type MediaKind = 'image' | 'record' | 'file' | 'video'
export type Part =
  | { type: 'plain'; text: string }
  | { type: MediaKind; attachment_id: string; filename?: string }
  | { type: 'reply'; message_id: string | number; selected_text?: string }

export type Session = S['Session']

/** What the engine keeps beside a reply (an open object in the contract). Times in seconds. */
export interface ReplyFigures {
  provider?: string
  model?: string
  input_tokens: number
  output_tokens: number
  time_to_first_token: number | null
  total_time: number
}

export interface StoredToolCall {
  id: string
  name: string
  args: unknown
  ts?: number
  result?: string
  ok?: boolean
  finished_ts?: number
}

export interface MessageMeta {
  message_id?: string
  reasoning?: string
  tools?: StoredToolCall[]
  stats?: ReplyFigures
}

export type StoredMessage = Omit<S['MessageView'], 'meta' | 'parts'> & { parts: Part[]; meta: MessageMeta }
export type SessionHistory = Omit<S['SessionView'], 'history'> & { history: StoredMessage[] }
export type Uploaded = S['StoredFile']

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
  min?: number
  max?: number
  slider?: { min: number; max: number; step?: number }
  templates?: Record<string, { name?: string; description?: string; hint?: string; items: FormSchema }>
  file_types?: string[]
  condition?: Record<string, unknown>
  invisible?: boolean
  secret?: boolean
  editor_mode?: boolean
  /** Shown apart from what most people set. */
  advanced?: boolean
  _special?: string
}
export type FormSchema = Record<string, FieldSchema>
/** Words of a form in one language, by field: `description`, `hint`, `labels`, and those of its items. */
export type FormTexts = Readonly<Record<string, unknown>>
export type FormValue = Record<string, unknown>

export type ProviderKind = 'chat_completion' | 'speech_to_text' | 'text_to_speech' | 'embedding' | 'rerank'
export const PROVIDER_KINDS: readonly ProviderKind[] = ['chat_completion', 'speech_to_text', 'text_to_speech', 'embedding', 'rerank']

export type Provider = Omit<S['ProviderView'], 'provider_type'> & { provider_type: ProviderKind }
export type ProviderType = Omit<S['ProviderTypeView'], 'provider_type' | 'schema' | 'texts'> & { provider_type: ProviderKind; schema: FormSchema; texts: Readonly<Record<string, TypeTexts>> }
/** What a type of provider is called in one language. */
export type TypeTexts = Readonly<{ display_name?: string; description?: string; config?: FormTexts }>
export type TestResult = S['TestResult']
/** Who is asked for the default profile, and who would answer now. */
export type ChainInUse = S['ChainView']
export type Voice = S['Voice']

/** A service whose key or address was found on the machine. */
export type Detected = S['DetectedProvider']
export type McpServer = S['McpServerView']
export type McpTestResult = S['McpTestResult']
export type Profile = S['ProfileView']
/** The forms of a profile in English, and their words in other languages, by locale. */
export interface ProfileForms {
  voice: FormSchema
  host: FormSchema
  texts: Readonly<Record<string, Readonly<{ voice?: FormTexts; host?: FormTexts }>>>
}
export type Chain = 'llm' | 'stt' | 'tts' | 'embedding' | 'rerank'
export const CHAIN_OF: Readonly<Record<ProviderKind, Chain>> = {
  chat_completion: 'llm',
  speech_to_text: 'stt',
  text_to_speech: 'tts',
  embedding: 'embedding',
  rerank: 'rerank',
}

export type Plugin = S['PluginView']
/** A plugin's form, its values, and its translations by locale. */
export interface PluginConfig {
  schema: FormSchema
  values: FormValue
  texts: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}
export type Bot = S['PlatformView']
export type BotType = Omit<S['PlatformTypeView'], 'schema'> & { schema: FormSchema }
export type Persona = S['Persona']
export type PersonaInput = S['PersonaInput']
export type SearchHit = S['Hit']
export type Scope = 'chat' | 'config' | 'file' | 'im' | '*'
export type ApiKey = S['ApiKey']
export type SignedInSession = S['SignInView']
export type Backup = S['BackupInfo']
export type LogLine = S['LogLine']

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'] as const
export type LogLevel = '' | (typeof LOG_LEVELS)[number]
export const RANGES = ['1h', '24h', '7d', '30d'] as const
export type Range = (typeof RANGES)[number]
export const USAGE_KEYS = ['provider_id', 'model', 'username', 'credential', 'session_id'] as const
export type UsageKey = (typeof USAGE_KEYS)[number]
export type UsageLimit = S['UsageLimit']
export type LimitKind = UsageLimit['kind']
export const LIMIT_KINDS: readonly LimitKind[] = ['user', 'key', 'session', 'provider']
