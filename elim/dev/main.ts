import { mount } from 'svelte';
import '../../web/src/ui/theme.css';
import Page from './Page.svelte';

document.documentElement.classList.toggle('dark', location.search.includes('dark'));
mount(Page, { target: document.querySelector('#app')! });
