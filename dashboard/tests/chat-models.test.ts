import { describe, expect, it } from 'vitest'
import { chatModels, likelyModel } from '@/lib/chatModels'

const OPENAI = ['babbage-002', 'dall-e-3', 'gpt-4.1-mini', 'gpt-5', 'gpt-5-mini', 'gpt-4o-realtime-preview', 'text-embedding-3-small', 'whisper-1']

describe('models of a service', () => {
  it('that cannot talk are left out, unless no name says so', () => {
    expect(chatModels(OPENAI)).toEqual(['gpt-4.1-mini', 'gpt-5', 'gpt-5-mini'])
    expect(chatModels(['nomic-embed-text'])).toEqual(['nomic-embed-text'])
  })

  it('are offered with one for everyday talk first, the newest of its family', () => {
    expect(likelyModel(OPENAI)).toBe('gpt-5-mini')
    expect(likelyModel(['claude-opus-4-1', 'claude-3-7-sonnet-latest', 'claude-sonnet-4-5'])).toBe('claude-sonnet-4-5')
    expect(likelyModel(['qwen3:8b', 'llava'])).toBe('qwen3:8b')
  })

  it('keep what was configured, where the service has it or lists nothing', () => {
    expect(likelyModel(OPENAI, 'gpt-5')).toBe('gpt-5')
    expect(likelyModel(OPENAI, 'gone')).toBe('gpt-5-mini')
    expect(likelyModel([], 'mine')).toBe('mine')
    expect(likelyModel([])).toBe('')
  })
})
