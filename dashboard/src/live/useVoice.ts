import { computed, onBeforeUnmount, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import { openBackend, Player } from '@/audio/player'
import type { PlaybackReport } from '@/audio/playbackQueue'
import { MicError, Recorder, type MicTrouble } from '@/audio/recorder'
import { locale } from '@/i18n'
import { randomId } from '@/lib/ids'
import type { SocketState } from '@/lib/socket'
import { endSignIn, useAuth } from '@/stores/auth'
import { LiveConnection } from './connection'
import type { LiveOptions } from './frames'
import { INITIAL, reduce, type LocalEvent, type VoiceState } from './reducer'
import type { VoiceSettings } from './useVoiceSettings'

export interface Voice {
  state: ShallowRef<VoiceState>
  active: Ref<boolean>
  starting: Ref<boolean>
  trouble: Ref<MicTrouble | null>
  connection: Ref<SocketState>
  micLevel: Ref<number>
  playback: ShallowRef<PlaybackReport>
  talking: Ref<boolean>
  audible: ComputedRef<boolean>
  start: () => Promise<void>
  stop: () => Promise<void>
  press: () => void
  release: () => void
  interrupt: () => void
  /** Answers whether it was sent. */
  say: (text: string) => boolean
  apply: () => void
  changeMicrophone: () => Promise<void>
  changeSpeaker: () => Promise<void>
  dismiss: () => void
  retryNow: () => void
}

/** Loudness at which a voice is at the microphone, for the trace that browser tests read. */
const VOICE_LEVEL = 0.01

/** One voice conversation: microphone, socket, loudspeaker and the state they make together. */
export function useVoice(settings: VoiceSettings): Voice {
  const auth = useAuth()
  const state = shallowRef<VoiceState>(INITIAL)
  const active = ref(false)
  const starting = ref(false)
  const trouble = ref<MicTrouble | null>(null)
  const connectionState = ref<SocketState>('idle')
  const micLevel = ref(0)
  const talking = ref(false)
  const playback = shallowRef<PlaybackReport>({ playedMs: 0, bufferedMs: 0, underruns: 0, level: 0, paused: false })
  const audible = computed(() => playback.value.bufferedMs > 0 && !playback.value.paused)
  let player: Player | null = null
  let stamp = ''
  let session = ''
  let voiced = false

  const dispatch = (event: Parameters<typeof reduce>[1] | LocalEvent): void => {
    state.value = reduce(state.value, event)
  }

  const connection = new LiveConnection({
    token: () => auth.token,
    options: () => ({ ...options(), ...(session ? { session_id: session } : {}) }),
    player: () => player,
    onFrame: (frame) => {
      if (frame.t === 'session_updated' && frame.data.session_id) session = frame.data.session_id
      dispatch(frame)
    },
    onState: (next, _retryAt, reason) => {
      connectionState.value = next
      if (next === 'waiting') {
        player?.drop()
        talking.value = false
        dispatch({ t: 'local_lost' })
      }
      if (next === 'refused') endSignIn(reason)
    },
  })

  const recorder = new Recorder(({ pcm, level }) => {
    micLevel.value = level
    trace(level)
    if (settings.mode.value === 'hands-free' || talking.value) connection.sendAudio(pcm)
  })
  recorder.onLost = () => {
    trouble.value = 'missing'
    void stop()
  }

  /** Marks the moment a voice reaches the page, so that the time to silence can be measured from outside. */
  function trace(level: number): void {
    const loud = level > VOICE_LEVEL
    if (loud && !voiced) performance.mark('voice:onset')
    voiced = loud
  }

  function options(): LiveOptions {
    return {
      turn_detection: settings.mode.value === 'hands-free' ? 'server' : 'client',
      barge_in: true,
      partial_transcripts: true,
      stt_provider: settings.recognition.value || null,
      tts_provider: settings.speech.value || null,
      voice: settings.voice.value || null,
      language: settings.language.value || null,
      locale: locale.value,
    }
  }

  async function start(): Promise<void> {
    if (active.value || starting.value) return
    starting.value = true
    trouble.value = null
    try {
      // The loudspeaker first: browsers let a page sound only on the click itself.
      player ??= new Player(await openBackend())
      player.onReport = (report) => (playback.value = report)
      await player.wake()
      await recorder.start(settings.microphone.value)
      await changeSpeaker()
      await settings.refresh()
      connection.start()
      active.value = true
    } catch (error) {
      trouble.value = error instanceof MicError ? error.trouble : 'unknown'
      await close()
    } finally {
      starting.value = false
    }
  }

  async function close(): Promise<void> {
    connection.stop()
    await recorder.stop()
    const old = player
    player = null
    old?.drop()
    await old?.close()
  }

  async function stop(): Promise<void> {
    active.value = false
    talking.value = false
    micLevel.value = 0
    if (state.value.running) connection.interrupt()
    await close()
    dispatch({ t: 'local_lost' })
  }

  function press(): void {
    if (!active.value || talking.value || !connection.open) return
    player?.drop()
    stamp = randomId()
    talking.value = true
    connection.send({ t: 'start_speaking', stamp })
    dispatch({ t: 'local_start' })
  }

  function release(): void {
    if (!talking.value) return
    talking.value = false
    connection.send({ t: 'end_speaking', stamp })
    dispatch({ t: 'local_end' })
  }

  function interrupt(): void {
    connection.interrupt()
    dispatch({ t: 'local_interrupt' })
  }

  function say(text: string): boolean {
    return connection.send({ t: 'text_input', text: text.trim() })
  }

  async function changeMicrophone(): Promise<void> {
    if (!active.value) return
    await recorder.stop()
    try {
      await recorder.start(settings.microphone.value)
    } catch (error) {
      trouble.value = error instanceof MicError ? error.trouble : 'unknown'
    }
  }

  async function changeSpeaker(): Promise<void> {
    try {
      await player?.useSpeaker(settings.speaker.value)
    } catch {
      settings.speaker.value = ''
    }
  }

  onBeforeUnmount(() => void stop())

  return {
    state,
    active,
    starting,
    trouble,
    connection: connectionState,
    micLevel,
    playback,
    talking,
    audible,
    start,
    stop,
    press,
    release,
    interrupt,
    say,
    apply: () => {
      if (talking.value) release()
      connection.update(options())
    },
    changeMicrophone,
    changeSpeaker,
    dismiss: () => dispatch({ t: 'local_dismiss' }),
    retryNow: () => connection.retryNow(),
  }
}
