/** The libraries this page is made of, filled in by the build from their own package files. */
declare const __WEB_LIBRARIES__: { name: string; version: string; licence: string }[]

export const webLibraries = __WEB_LIBRARIES__
