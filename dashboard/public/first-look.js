// Runs before the first picture, so that neither the theme nor the language changes under the reader's eyes. The
// application reads the same settings later (stores/preferences.ts, i18n/index.ts) and keeps them up to date.
{
  const setting = (name) => {
    try {
      return localStorage.getItem(`astrbot_like.${name}`)
    } catch {
      return null // a private window without storage
    }
  }
  const theme = setting('theme')
  const dark = theme ? theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
  document.documentElement.lang = setting('locale') ?? (navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en')
}
