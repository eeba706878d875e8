import { onBeforeUnmount, ref, type Ref } from 'vue'
import { wavOf } from '@/audio/pcm'
import { CAPTURE_RATE, MicError, Recorder, type MicTrouble } from '@/audio/recorder'

export interface VoiceMessage {
  recording: Ref<boolean>
  seconds: Ref<number>
  level: Ref<number>
  start: () => Promise<MicTrouble | null>
  finish: () => Promise<Blob | null>
  cancel: () => Promise<void>
}

/** A recording of its own that becomes a WAV file to attach. */
export function useVoiceMessage(): VoiceMessage {
  const recording = ref(false)
  const seconds = ref(0)
  const level = ref(0)
  let chunks: Int16Array[] = []
  const recorder = new Recorder((frame) => {
    chunks.push(frame.pcm)
    level.value = frame.level
    seconds.value = (chunks.length * frame.pcm.length) / CAPTURE_RATE
  })
  recorder.onLost = () => (recording.value = false)

  async function start(): Promise<MicTrouble | null> {
    chunks = []
    seconds.value = 0
    try {
      await recorder.start()
      recording.value = true
      return null
    } catch (error) {
      return error instanceof MicError ? error.trouble : 'unknown'
    }
  }

  async function finish(): Promise<Blob | null> {
    await cancel()
    return chunks.length ? wavOf(chunks, CAPTURE_RATE) : null
  }

  async function cancel(): Promise<void> {
    recording.value = false
    await recorder.stop()
  }

  onBeforeUnmount(() => void cancel())
  return { recording, seconds, level, start, finish, cancel }
}
