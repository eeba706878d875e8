import { computed, ref } from 'vue'
import { defineStore } from 'pinia'
import { api } from '@/api'
import { readSetting, writeSetting } from '@/lib/storage'

/** A socket was refused: with a token that is no longer good the person has to sign in again. */
export function endSignIn(reason: string): void {
  if (/token/i.test(reason)) void api.auth.account().catch(() => undefined)
}

export const useAuth = defineStore('auth', () => {
  const token = ref<string | null>(readSetting('token'))
  const username = ref(readSetting('username') ?? '')
  /** The password is still the one the server made; asked once after signing in. */
  const mustChange = ref(readSetting('must_change') === '1')
  const signedIn = computed(() => token.value !== null)

  function accept(answer: { token: string; username: string; change_password_hint?: boolean }): void {
    token.value = answer.token
    username.value = answer.username
    mustChange.value = answer.change_password_hint ?? false
    writeSetting('token', answer.token)
    writeSetting('username', answer.username)
    writeSetting('must_change', mustChange.value ? '1' : null)
  }

  async function signIn(name: string, password: string): Promise<void> {
    accept(await api.auth.login(name, password))
  }

  async function changeAccount(change: { password: string; new_username?: string; new_password?: string }): Promise<void> {
    const answer = await api.auth.update(change)
    accept({ token: answer.token ?? token.value ?? '', username: answer.username ?? username.value })
  }

  /** Forgets the credentials here; the server is told by the caller where that matters. */
  function forget(): void {
    token.value = null
    mustChange.value = false
    writeSetting('token', null)
    writeSetting('must_change', null)
  }

  return { token, username, mustChange, signedIn, accept, signIn, changeAccount, forget }
})
