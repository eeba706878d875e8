import type { Provider } from '@/api/types'

/** Several providers may be of one type: a person tells them apart by the name they gave and the model. */
export function providerName(provider: Provider): string {
  const more = provider.model || provider.display_name
  return more && more !== provider.id ? `${provider.id} (${more})` : provider.id
}
