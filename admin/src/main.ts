import { mount } from 'svelte'
import './fonts.css'
import './app.css'
import App from './App.svelte'

// A chunk that is gone belongs to a build that the server has replaced: the page of the new one is loaded, once.
window.addEventListener('vite:preloadError', (event) => {
  if (sessionStorage.getItem('holdfast.reloaded') === location.href) return
  sessionStorage.setItem('holdfast.reloaded', location.href)
  event.preventDefault()
  location.reload()
})

mount(App, { target: document.getElementById('app')! })
