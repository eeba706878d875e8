import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { readSetting, writeSetting } from '@/lib/storage'
import { useCatalogue } from '@/stores/catalogue'
import type { SendChoice } from '@/stores/chat'

export interface Choices {
  provider: Ref<string>
  model: Ref<string>
  persona: Ref<string>
  /** For the next new session; a session that exists keeps its own. */
  profile: Ref<string>
  models: Ref<readonly string[]>
  choice: ComputedRef<SendChoice>
}

/** Provider, model and persona that the next messages ask for; empty means what the profile says. */
export function useChoices(): Choices {
  const catalogue = useCatalogue()
  const provider = ref(readSetting('chat.provider') ?? '')
  const model = ref(readSetting('chat.model') ?? '')
  const persona = ref(readSetting('chat.persona') ?? '')
  const profile = ref('')
  const models = ref<readonly string[]>([])

  watch(
    provider,
    async (id, before) => {
      if (before !== undefined) model.value = ''
      models.value = []
      if (!id) return
      const list = await catalogue.fetchModels(id)
      if (provider.value === id) models.value = list
    },
    { immediate: true },
  )
  watch([provider, model, persona], ([p, m, q]) => {
    writeSetting('chat.provider', p || null)
    writeSetting('chat.model', m || null)
    writeSetting('chat.persona', q || null)
  })
  watch(
    () => catalogue.loaded,
    () => {
      // Something chosen earlier may be gone.
      if (provider.value && !catalogue.providers.some((entry) => entry.id === provider.value)) provider.value = ''
      if (persona.value && !catalogue.personas.some((entry) => entry.id === persona.value)) persona.value = ''
    },
  )

  const choice = computed<SendChoice>(() => ({
    provider: provider.value,
    model: model.value,
    personaPrompt: catalogue.personas.find((entry) => entry.id === persona.value)?.prompt ?? '',
  }))
  return { provider, model, persona, profile, models, choice }
}
