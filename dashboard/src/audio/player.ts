/** Speech to the loudspeaker: gapless, its buffer measured, silent at once when told to drop. */
import type { PlaybackReport } from './playbackQueue'
import type { PlaybackCommand } from './playback.worklet'
import workletUrl from './playback.worklet.ts?worker&url'

export interface PlayerBackend {
  post(command: PlaybackCommand, transfer?: Transferable[]): void
  onReport: (report: PlaybackReport & { token?: number }) => void
  resume(): Promise<void>
  setSink(deviceId: string): Promise<void>
  close(): Promise<void>
}

/** The rate that is asked of the server, so that nothing is resampled on the way to the mixer. */
export const PLAYBACK_RATE = 24_000

export async function openBackend(): Promise<PlayerBackend> {
  const context = new AudioContext({ sampleRate: PLAYBACK_RATE, latencyHint: 'interactive' })
  await context.audioWorklet.addModule(workletUrl)
  const node = new AudioWorkletNode(context, 'playback', { numberOfInputs: 0, outputChannelCount: [1] })
  node.connect(context.destination)
  const backend: PlayerBackend = {
    post: (command, transfer) => node.port.postMessage(command, transfer ?? []),
    onReport: () => undefined,
    resume: () => context.resume(),
    setSink: async (deviceId) => {
      // Only Chromium can choose the loudspeaker of a context; elsewhere the system's choice stays.
      if ('setSinkId' in context) await (context as AudioContext & { setSinkId(id: string): Promise<void> }).setSinkId(deviceId)
    },
    close: () => context.close(),
  }
  node.port.onmessage = (event: MessageEvent<PlaybackReport & { token?: number }>) => backend.onReport(event.data)
  return backend
}

export class Player {
  private token = 0
  private settled = 0
  private sounding = false
  report: PlaybackReport = { playedMs: 0, bufferedMs: 0, underruns: 0, level: 0, paused: false }
  onReport: (report: PlaybackReport) => void = () => undefined

  constructor(private readonly backend: PlayerBackend) {
    backend.onReport = ({ token, ...report }) => {
      if (token !== undefined) this.settled = token
      // Reports that were on their way when the queue was dropped speak of sound that is gone.
      if (this.settled < this.token) return
      this.report = report
      this.trace(report)
      this.onReport(report)
    }
  }

  /** Marks when sound begins and when it has been silenced, so that the time to silence can be measured from outside. */
  private trace(report: PlaybackReport): void {
    const held = report.paused || report.bufferedMs === 0
    if (!this.sounding && report.level > 0.005) {
      this.sounding = true
      performance.mark('voice:first-sound')
    } else if (this.sounding && held && report.level < 0.001) {
      this.sounding = false
      performance.mark('voice:silent')
    }
  }

  /** Plays PCM after what is already waiting. */
  play(samples: Float32Array<ArrayBuffer>): void {
    if (!samples.length) return
    this.report = { ...this.report, bufferedMs: this.report.bufferedMs + (samples.length / PLAYBACK_RATE) * 1000 }
    this.backend.post({ type: 'play', samples }, [samples.buffer])
  }

  /** Drops what was not heard yet. */
  drop(): void {
    this.token += 1
    this.report = { ...this.report, bufferedMs: 0, level: 0, paused: false }
    this.backend.post({ type: 'drop', token: this.token })
    this.onReport(this.report)
  }

  pause(): void {
    this.report = { ...this.report, paused: true }
    this.backend.post({ type: 'pause' })
    this.onReport(this.report)
  }

  resume(): void {
    this.report = { ...this.report, paused: false }
    this.backend.post({ type: 'resume' })
    this.onReport(this.report)
  }

  /** A new reply begins: its played time is counted from zero. */
  restart(): void {
    this.backend.post({ type: 'restart' })
  }

  get playing(): boolean {
    return this.report.bufferedMs > 0
  }

  async wake(): Promise<void> {
    await this.backend.resume()
  }

  async useSpeaker(deviceId: string): Promise<void> {
    await this.backend.setSink(deviceId)
  }

  async close(): Promise<void> {
    await this.backend.close()
  }
}
