import { mount } from 'svelte'
import './fonts.css'
import './app.css'
import App from './App.svelte'
import { connection } from './app/connection.svelte'

// A chunk that is gone belongs to a build that the server has replaced: the page of the new one is loaded, once. While
// there is no answer at all, this page is the only one.
window.addEventListener('vite:preloadError', (event) => {
  if (sessionStorage.getItem('holdfast.reloaded') === location.href) return
  event.preventDefault()
  void connection.look().then(() => {
    if (!connection.online) return
    sessionStorage.setItem('holdfast.reloaded', location.href)
    connection.reload()
  })
})

mount(App, { target: document.getElementById('app')! })
