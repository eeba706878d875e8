import { computed, ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { api } from '@/api'
import type { ChainInUse, Persona, Profile, Provider, ProviderKind } from '@/api/types'
import { messageOf } from '@/lib/errors'

/** What there is to choose from: providers, personas, profiles. Pages that change them call `load` again. */
export const useCatalogue = defineStore('catalogue', () => {
  const providers = shallowRef<readonly Provider[]>([])
  const chains = shallowRef<readonly ChainInUse[]>([])
  const personas = shallowRef<readonly Persona[]>([])
  const profiles = shallowRef<readonly Profile[]>([])
  const models = shallowRef<ReadonlyMap<string, readonly string[]>>(new Map())
  const loaded = ref(false)
  const error = ref('')

  const byKind = computed(() => (kind: ProviderKind) => providers.value.filter((provider) => provider.provider_type === kind))
  const chainOf = computed(() => (kind: ProviderKind) => chains.value.find((chain) => chain.provider_type === kind))
  const defaultProfile = computed(() => profiles.value.find((profile) => profile.is_default || profile.id === 'default'))

  async function load(): Promise<void> {
    try {
      const [p, q, r] = await Promise.all([api.providers.list(), api.personas.list(), api.profiles.list()])
      providers.value = p.providers
      chains.value = p.chains
      personas.value = q.personas
      profiles.value = r.configs
      loaded.value = true
      error.value = ''
    } catch (failure) {
      error.value = messageOf(failure)
    }
  }

  async function ensure(): Promise<void> {
    if (!loaded.value) await load()
  }

  /** The models of a provider, fetched once; a provider that lists none gives an empty list. */
  async function fetchModels(id: string): Promise<readonly string[]> {
    const known = models.value.get(id)
    if (known) return known
    const list = await api.providers.models({ id }).then((answer) => answer.models, () => [])
    models.value = new Map([...models.value, [id, list]])
    return list
  }

  return { providers, personas, profiles, models, loaded, error, byKind, chainOf, defaultProfile, load, ensure, fetchModels }
})
