/** What an AudioWorklet's scope offers; TypeScript's own library does not describe it. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort
  process(inputs: Float32Array[][], outputs: Float32Array[][], parameters: Record<string, Float32Array>): boolean
}
declare function registerProcessor(name: string, processor: new (options: { processorOptions?: unknown }) => AudioWorkletProcessor): void
declare const sampleRate: number
declare const currentTime: number
