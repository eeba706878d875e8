import { inject, provide, type InjectionKey, type Ref } from 'vue'
import type { FormValue } from '@/api/types'
import type { Problems } from '@/lib/forms'

export interface FormContext {
  /** The whole form, which conditions look at. */
  root: Ref<FormValue>
  problems: Ref<Problems>
  /** Stores a file of a `file` field and answers its path; absent where no files can be stored. */
  upload?: (key: string, file: File) => Promise<string>
}

const KEY: InjectionKey<FormContext> = Symbol('form')

export function provideForm(context: FormContext): void {
  provide(KEY, context)
}

export function useForm(): FormContext {
  const context = inject(KEY)
  if (!context) throw new Error('A schema field needs a form around it')
  return context
}
