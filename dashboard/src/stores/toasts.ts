import { ref } from 'vue'
import { defineStore } from 'pinia'

export interface Toast {
  id: number
  kind: 'info' | 'good' | 'bad'
  text: string
  action?: { label: string; run: () => void }
}

const SHOWN_MS = { info: 4000, good: 4000, bad: 9000 } as const

/** Short words about what just happened. Failures stay longer and can carry a way to try again. */
export const useToasts = defineStore('toasts', () => {
  const list = ref<Toast[]>([])
  let next = 1

  function dismiss(id: number): void {
    list.value = list.value.filter((toast) => toast.id !== id)
  }

  function show(kind: Toast['kind'], text: string, action?: Toast['action']): void {
    const id = next++
    list.value = [...list.value.slice(-3), { id, kind, text, action }]
    setTimeout(() => dismiss(id), SHOWN_MS[kind])
  }

  return { list, show, dismiss }
})
