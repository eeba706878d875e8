/** The microphone as 20 ms frames of 16 kHz mono 16-bit PCM, with echo cancellation on. */
import workletUrl from './capture.worklet.ts?worker&url'

export const CAPTURE_RATE = 16_000

export type MicTrouble = 'insecure' | 'refused' | 'missing' | 'busy' | 'unknown'

/** Why there is no microphone, as something a person can act on. */
export class MicError extends Error {
  constructor(readonly trouble: MicTrouble, detail = '') {
    super(detail || trouble)
    this.name = 'MicError'
  }
}

export interface RecordedFrame {
  pcm: Int16Array<ArrayBuffer>
  level: number
}

export function micSupported(): boolean {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia)
}

function troubleOf(error: unknown): MicError {
  const name = error instanceof DOMException ? error.name : ''
  const detail = error instanceof Error ? error.message : ''
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return new MicError('refused', detail)
    case 'NotFoundError':
    case 'OverconstrainedError':
      return new MicError('missing', detail)
    case 'NotReadableError':
    case 'AbortError':
      return new MicError('busy', detail)
    default:
      return new MicError('unknown', detail)
  }
}

export class Recorder {
  private stream: MediaStream | null = null
  private context: AudioContext | null = null
  private starting = 0

  /** Called when the microphone is unplugged or its permission is taken back. */
  onLost: () => void = () => undefined

  constructor(private readonly onFrame: (frame: RecordedFrame) => void) {}

  get running(): boolean {
    return this.context !== null
  }

  async start(deviceId = ''): Promise<void> {
    if (!micSupported()) throw new MicError('insecure')
    const mine = ++this.starting
    let stream: MediaStream
    try {
      // A device that is gone is no reason to be silent: the browser takes another.
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          ...(deviceId ? { deviceId: { ideal: deviceId } } : {}),
          echoCancellation: true,
          noiseSuppression: true,
          autoGainControl: true,
          channelCount: 1,
        },
      })
    } catch (error) {
      throw troubleOf(error)
    }
    const context = await this.connect(stream)
    if (mine !== this.starting) {
      // Stopped while the browser was still asking: the microphone must not stay on.
      stream.getTracks().forEach((track) => track.stop())
      await context.close()
      return
    }
    this.stream = stream
    this.context = context
    stream.getAudioTracks()[0]?.addEventListener('ended', () => {
      if (this.stream !== stream) return
      void this.stop()
      this.onLost()
    })
  }

  async stop(): Promise<void> {
    this.starting += 1
    const { stream, context } = this
    this.stream = null
    this.context = null
    stream?.getTracks().forEach((track) => track.stop())
    if (context && context.state !== 'closed') await context.close()
  }

  private async connect(stream: MediaStream): Promise<AudioContext> {
    let context = new AudioContext({ sampleRate: CAPTURE_RATE })
    let source: MediaStreamAudioSourceNode
    try {
      source = context.createMediaStreamSource(stream)
    } catch {
      // Firefox does not connect a microphone to a context of another rate: the worklet resamples then.
      await context.close()
      context = new AudioContext()
      source = context.createMediaStreamSource(stream)
    }
    await context.audioWorklet.addModule(workletUrl)
    const node = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' })
    node.port.onmessage = (event: MessageEvent<{ pcm: ArrayBuffer; level: number }>) => {
      this.onFrame({ pcm: new Int16Array(event.data.pcm), level: event.data.level })
    }
    source.connect(node)
    await context.resume()
    return context
  }
}
