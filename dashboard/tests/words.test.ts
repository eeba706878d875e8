import { afterEach, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { codedMessage, worded } from '@/lib/errors'
import { plainWords } from '@/lib/plainWords'
import { failureOf } from '@/plugins/texts'

const failure = { stage: 'import', reason: "SyntaxError: expected ':'", where: 'main.py:4', traceback: '', at: 0 }

describe('plainWords', () => {
  it.each([
    ['the gauge: - the needle stands at **3.2 m**; - the line', 'the gauge: the needle stands at 3.2 m; the line'],
    ['- one\n- two', 'one two'],
    ['| Time | Height | |------|-------:| | 04:12 | 0.8 m |', 'Time Height 04:12 0.8 m'],
    ['from 3 - 5 m, well-known', 'from 3 - 5 m, well-known'],
  ])('%j', (text, plain) => expect(plainWords(text)).toBe(plain))
})

describe('errors in Chinese', () => {
  afterEach(() => setLocale('en'))

  it('say what happened, and beneath it what the server said', () => {
    expect(codedMessage('PLUGIN_ERROR', 'radio: no signal')).toBe('radio: no signal')
    setLocale('zh-CN')
    expect(codedMessage('PLUGIN_ERROR', 'radio: no signal')).toMatch(/^插件出错.*\nradio: no signal$/)
    expect(codedMessage('OF_A_PLUGIN', 'radio: no signal')).toBe('radio: no signal')
  })

  it('are those of a test, too', () => {
    setLocale('zh-CN')
    expect(worded({ ok: false, message: 'refused' }).message).toMatch(/^模型服务出错.*\nrefused$/)
    expect(worded({ ok: true, message: '' }).message).toBe('')
  })

  it('name the stage at which a plugin failed', () => {
    expect(failureOf(failure)).toBe(failure.reason)
    setLocale('zh-CN')
    expect(failureOf(failure)).toBe(`插件的代码加载失败。\n${failure.reason}`)
    expect(failureOf({ ...failure, stage: 'handler radio' })).toBe(`插件运行出错。\n${failure.reason}`)
  })
})
