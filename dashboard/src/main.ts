import { createPinia } from 'pinia'
import { createApp } from 'vue'
import { connectClient } from '@/api'
import App from '@/App.vue'
import { router } from '@/router'
import { useAuth } from '@/stores/auth'
import { usePreferences } from '@/stores/preferences'
import '@/styles/tokens.css'
import '@/styles/base.css'

const app = createApp(App)
app.use(createPinia())
usePreferences()
const auth = useAuth()
connectClient({
  token: () => auth.token,
  unauthorized: () => {
    auth.forget()
    const here = router.currentRoute.value
    if (here.name === 'login') return
    // A fresh page: whoever signs in next finds nothing of the one before in memory.
    const target = router.resolve({ name: 'login', query: { next: here.fullPath, ended: '1' } })
    window.location.replace(target.href)
  },
})
app.use(router)
app.mount('#app')
