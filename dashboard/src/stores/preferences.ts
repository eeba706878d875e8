import { ref, watchEffect } from 'vue'
import { defineStore } from 'pinia'
import { readSetting, writeSetting } from '@/lib/storage'

export type Theme = 'system' | 'light' | 'dark'

/** Choices of this browser, not of the account. */
export const usePreferences = defineStore('preferences', () => {
  const stored = readSetting('theme')
  const theme = ref<Theme>(stored === 'light' || stored === 'dark' ? stored : 'system')
  const system = window.matchMedia('(prefers-color-scheme: dark)')
  const systemDark = ref(system.matches)
  system.addEventListener('change', (event) => {
    systemDark.value = event.matches
  })
  const dark = ref(false)

  watchEffect(() => {
    dark.value = theme.value === 'system' ? systemDark.value : theme.value === 'dark'
    document.documentElement.dataset.theme = dark.value ? 'dark' : 'light'
    document.querySelector('meta[name=theme-color]')?.setAttribute('content', getComputedStyle(document.documentElement).getPropertyValue('--bg'))
  })

  function setTheme(next: Theme): void {
    theme.value = next
    writeSetting('theme', next === 'system' ? null : next)
  }

  return { theme, dark, setTheme }
})
