/** What a plugin is called in the language of the web UI; its own words where it has no translation. */
import type { FieldSchema, FormSchema, FormTexts, Plugin, ProviderType } from '@/api/types'
import { locale, useText } from '@/i18n'
import { withDetail } from '@/lib/errors'
import { pluginFailures as failureTexts } from '@/texts/plugins'

type Failure = NonNullable<Plugin['failure']>
const f = useText(failureTexts)

/** The web UI's language by the names plugins use for theirs. */
export const pluginLocale = (): 'zh-CN' | 'en-US' => (locale.value === 'zh-CN' ? 'zh-CN' : 'en-US')

const textsOf = (plugin: Plugin): Plugin['texts'][string] | undefined => plugin.texts[pluginLocale()]

export const pluginName = (plugin: Plugin): string => textsOf(plugin)?.display_name || plugin.display_name || plugin.name

export const pluginDescription = (plugin: Plugin): string => {
  const texts = textsOf(plugin)
  return texts?.short_description || texts?.description || plugin.short_description || plugin.description
}

/** Why a plugin does not run: what of it, in Chinese, and its own words. */
export function failureOf(failure: Failure): string {
  const stage = Object.hasOwn(failureTexts, failure.stage) ? (failure.stage as keyof typeof failureTexts) : 'running'
  return locale.value === 'en' ? failure.reason : withDetail(f(stage), failure.reason)
}

/** What a command does, in the language of the web UI where the plugin says it. */
export const commandWords = (plugin: Plugin, command: { name: string; description: string }): string => textsOf(plugin)?.commands?.[command.name] || command.description

/** A type of provider with its plugin's words of the web UI's language. */
export function translatedType(type: ProviderType): ProviderType {
  const words = type.texts[pluginLocale()]
  if (!words) return type
  return { ...type, display_name: words.display_name || type.display_name, description: words.description || type.description, schema: translatedForm(type.schema, words.config) }
}

export const pageTitle = (plugin: Plugin, page: string): string => textsOf(plugin)?.pages[page] || page

/** A text of a plugin's translations by its dotted key, in the language of the web UI. */
export function textOf(translations: Readonly<Record<string, unknown>>, key: string): string {
  let found: unknown = translations[pluginLocale()]
  for (const part of key.split('.')) found = typeof found === 'object' && found !== null ? (found as FormTexts)[part] : undefined
  return typeof found === 'string' ? found : ''
}

/** A form with the words of one language: `description`, `hint`, `labels`, in objects and templates, too. */
export function translatedForm(schema: FormSchema, texts: FormTexts | undefined): FormSchema {
  if (!texts) return schema
  return Object.fromEntries(Object.entries(schema).map(([key, field]) => [key, translatedField(field, inner(texts, key))]))
}

function translatedField(field: FieldSchema, texts: FormTexts | undefined): FieldSchema {
  if (!texts) return field
  const made = { ...field }
  if (typeof texts.description === 'string') made.description = texts.description
  if (typeof texts.hint === 'string') made.hint = texts.hint
  if (Array.isArray(texts.labels)) made.labels = texts.labels.map(String)
  if (field.items) made.items = translatedForm(field.items, texts)
  if (field.templates) {
    const templates = inner(texts, 'templates')
    made.templates = Object.fromEntries(
      Object.entries(field.templates).map(([name, template]) => {
        const words = templates && inner(templates, name)
        return [name, { ...template, ...(typeof words?.name === 'string' ? { name: words.name } : {}), items: translatedForm(template.items ?? {}, words) }]
      }),
    )
  }
  return made
}

function inner(texts: FormTexts, key: string): FormTexts | undefined {
  const found = texts[key]
  return typeof found === 'object' && found !== null ? (found as FormTexts) : undefined
}
