/** Which of the models that a service lists to offer first. */

const NO_CHAT = /embed|whisper|tts|speech|audio|realtime|transcri|moderation|guard|dall-e|image|imagen|video|sora|veo|rerank|ocr|babbage|davinci|instruct|search|aqa|lyria/i

/** Families made for everyday talk: quick, cheap and able to use tools. Of one family the newest is taken. */
const EVERYDAY = [
  /^gpt-[\d.]+-mini$/,
  /^claude-.*sonnet/,
  /^(models\/)?gemini-[\d.]+-flash$/,
  /^deepseek-chat$/,
  /^qwen-plus(-latest)?$/,
  /^(kimi|moonshot)-.*(latest|preview)$/,
  /^grok-\d[\w.-]*$/,
  /^mistral-(medium|small)-latest$/,
  /^llama-[\d.]+-70b/,
  /^(openai\/gpt-[\d.]+-mini|anthropic\/claude-[\w.-]*sonnet[\w.-]*)$/,
] as const

const byAge = new Intl.Collator('en', { numeric: true })

/** Models that can hold a conversation, as far as their names tell; all of them when no name does. */
export function chatModels(models: readonly string[]): readonly string[] {
  const talking = models.filter((name) => !NO_CHAT.test(name))
  return talking.length ? talking : models
}

/** The model to offer first: the one that was configured, one for everyday talk, else the first that can talk. */
export function likelyModel(models: readonly string[], configured = ''): string {
  if (configured && (!models.length || models.includes(configured))) return configured
  const talking = chatModels(models)
  for (const family of EVERYDAY) {
    const newest = talking.filter((name) => family.test(name)).sort(byAge.compare).at(-1)
    if (newest) return newest
  }
  return talking[0] ?? ''
}
