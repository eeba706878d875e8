import { onBeforeUnmount, onMounted, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { readSetting, writeSetting } from '@/lib/storage'

export type TalkMode = 'hands-free' | 'push'

export interface VoiceSettings {
  mode: Ref<TalkMode>
  microphone: Ref<string>
  speaker: Ref<string>
  speech: Ref<string>
  recognition: Ref<string>
  voice: Ref<string>
  language: Ref<string>
  microphones: ShallowRef<readonly MediaDeviceInfo[]>
  speakers: ShallowRef<readonly MediaDeviceInfo[]>
  refresh: () => Promise<void>
}

function remembered(name: string): Ref<string> {
  const value = ref(readSetting(`voice.${name}`) ?? '')
  watch(value, (next) => writeSetting(`voice.${name}`, next || null))
  return value
}

/** How this browser talks: devices, mode, voice. Device names are known only once the microphone was allowed. */
export function useVoiceSettings(): VoiceSettings {
  const mode = ref<TalkMode>(readSetting('voice.mode') === 'push' ? 'push' : 'hands-free')
  watch(mode, (next) => writeSetting('voice.mode', next))
  const microphones = shallowRef<readonly MediaDeviceInfo[]>([])
  const speakers = shallowRef<readonly MediaDeviceInfo[]>([])
  const settings = {
    mode,
    microphone: remembered('microphone'),
    speaker: remembered('speaker'),
    speech: remembered('speech'),
    recognition: remembered('recognition'),
    voice: remembered('voice'),
    language: remembered('language'),
    microphones,
    speakers,
  }

  async function refresh(): Promise<void> {
    const devices = (await navigator.mediaDevices?.enumerateDevices?.().catch(() => [])) ?? []
    const named = devices.filter((device) => device.deviceId && device.deviceId !== 'default')
    microphones.value = named.filter((device) => device.kind === 'audioinput')
    speakers.value = named.filter((device) => device.kind === 'audiooutput')
    // Before the microphone is allowed, devices have no names and say nothing of what is there.
    if (!named.length) return
    const gone = (id: string, list: readonly MediaDeviceInfo[]): boolean => id !== '' && !list.some((device) => device.deviceId === id)
    if (gone(settings.microphone.value, microphones.value)) settings.microphone.value = ''
    if (gone(settings.speaker.value, speakers.value)) settings.speaker.value = ''
  }

  const onChange = (): void => void refresh()
  onMounted(() => {
    void refresh()
    navigator.mediaDevices?.addEventListener?.('devicechange', onChange)
  })
  onBeforeUnmount(() => navigator.mediaDevices?.removeEventListener?.('devicechange', onChange))

  return { ...settings, refresh }
}
