import { ref, type Ref } from 'vue'
import { useToasts } from '@/stores/toasts'
import { messageOf } from './errors'

export interface Loader<T> {
  data: Ref<T | null>
  error: Ref<string>
  busy: Ref<boolean>
  load: () => Promise<void>
}

/** Loads something for a page: what came, what went wrong, and a way to try again. The newest call wins. */
export function useLoader<T>(fetcher: () => Promise<T>): Loader<T> {
  const data = ref<T | null>(null) as Ref<T | null>
  const error = ref('')
  const busy = ref(false)
  let generation = 0

  async function load(): Promise<void> {
    const mine = ++generation
    busy.value = true
    try {
      const answer = await fetcher()
      if (mine !== generation) return
      data.value = answer
      error.value = ''
    } catch (failure) {
      if (mine === generation) error.value = messageOf(failure)
    } finally {
      if (mine === generation) busy.value = false
    }
  }

  return { data, error, busy, load }
}

/** Runs what a button asked for: busy while it runs, a toast when it fails. Answers whether it worked. */
export function useAction(): { busy: Ref<boolean>; run: (work: () => Promise<unknown>, done?: string) => Promise<boolean> } {
  const busy = ref(false)
  const toasts = useToasts()

  async function run(work: () => Promise<unknown>, done?: string): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    try {
      await work()
      if (done) toasts.show('good', done)
      return true
    } catch (failure) {
      if (!(failure instanceof DOMException && failure.name === 'AbortError')) toasts.show('bad', messageOf(failure))
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, run }
}
