// Prints the examples of the GraphiQL page as JSON.

import { examples } from '../../api/pages/graphiql/source/examples.js';

console.log(JSON.stringify(examples));
