import { createRouter, createWebHistory } from 'vue-router'
import { useAuth } from '@/stores/auth'

/** Only the sign-in and chat pages are part of the first load's budget; every page is a chunk of its own. */
export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/login', name: 'login', component: () => import('@/pages/LoginPage.vue'), meta: { open: true } },
    { path: '/', redirect: '/chat' },
    { path: '/welcome', name: 'welcome', component: () => import('@/pages/WelcomePage.vue') },
    { path: '/chat/:session?', name: 'chat', component: () => import('@/pages/ChatPage.vue'), meta: { full: true, bar: true } },
    { path: '/voice', name: 'voice', component: () => import('@/pages/VoicePage.vue') },
    { path: '/providers', name: 'providers', component: () => import('@/pages/ProvidersPage.vue') },
    { path: '/plugins', name: 'plugins', component: () => import('@/pages/PluginsPage.vue') },
    { path: '/plugins/:plugin/:page', name: 'plugin-page', component: () => import('@/pages/PluginPage.vue'), meta: { full: true } },
    { path: '/bots', name: 'bots', component: () => import('@/pages/BotsPage.vue') },
    { path: '/personas', name: 'personas', component: () => import('@/pages/PersonasPage.vue') },
    { path: '/profiles', name: 'profiles', component: () => import('@/pages/ProfilesPage.vue') },
    { path: '/conversations/:session?', name: 'conversations', component: () => import('@/pages/ConversationsPage.vue'), meta: { full: true } },
    { path: '/keys', name: 'keys', component: () => import('@/pages/KeysPage.vue') },
    { path: '/statistics', name: 'statistics', component: () => import('@/pages/StatisticsPage.vue') },
    { path: '/logs', name: 'logs', component: () => import('@/pages/LogsPage.vue'), meta: { full: true } },
    { path: '/settings', name: 'settings', component: () => import('@/pages/SettingsPage.vue') },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('@/pages/MissingPage.vue') },
  ],
})

router.beforeEach((to) => {
  const auth = useAuth()
  if (!auth.signedIn && !to.meta.open) return { name: 'login', query: to.path === '/' ? {} : { next: to.fullPath } }
  if (auth.signedIn && to.name === 'login') return { path: '/' }
  return true
})
