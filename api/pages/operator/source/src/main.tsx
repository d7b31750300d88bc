// The entry: the token of the address, and the page.

import { render } from 'preact';
import { takeToken } from './api';
import { App } from './app';

takeToken();
render(<App />, document.body);
