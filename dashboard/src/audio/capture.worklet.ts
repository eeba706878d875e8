/** Runs on the audio thread: microphone samples to 20 ms frames of 16 kHz 16-bit PCM, with their level. */
import { Framer, Resampler, rms, toInt16 } from './pcm'

const RATE = 16_000
const FRAME = 320

class Capture extends AudioWorkletProcessor {
  private readonly resampler = new Resampler(sampleRate, RATE)
  private readonly framer = new Framer(FRAME)

  override process(inputs: Float32Array[][]): boolean {
    const channel = inputs[0]?.[0]
    if (!channel) return true
    for (const frame of this.framer.push(this.resampler.push(channel))) {
      const pcm = toInt16(frame)
      this.port.postMessage({ pcm: pcm.buffer, level: rms(frame) }, [pcm.buffer])
    }
    return true
  }
}

registerProcessor('capture', Capture)
