import { ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'

export interface Question {
  title: string
  body: string
  confirm: string
  danger: boolean
  /** Shown as a text input with this label; the answer is its text. */
  input?: { label: string; value: string }
}

/** One question at a time, asked before something is destroyed, answered by a promise. */
export const useConfirm = defineStore('confirm', () => {
  const question = shallowRef<Question | null>(null)
  const text = ref('')
  let settle: ((answer: boolean) => void) | null = null

  function open(next: Question): Promise<boolean> {
    settle?.(false)
    question.value = next
    text.value = next.input?.value ?? ''
    return new Promise((resolve) => {
      settle = resolve
    })
  }

  function answer(yes: boolean): void {
    const done = settle
    settle = null
    question.value = null
    done?.(yes)
  }

  const ask = (title: string, body: string, confirm: string): Promise<boolean> => open({ title, body, confirm, danger: true })

  async function prompt(title: string, label: string, value: string, confirm: string): Promise<string | null> {
    const yes = await open({ title, body: '', confirm, danger: false, input: { label, value } })
    return yes ? text.value.trim() : null
  }

  return { question, text, ask, prompt, answer }
})
