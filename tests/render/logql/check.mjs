// node logql/check.mjs < queries.json: reads each query with Loki's own grammar; prints what can't be read of it, and the
// names that it asks for.
import { json } from 'node:stream/consumers';
import { parser } from '@grafana/lezer-logql';

function read(query) {
  const errors = [];
  const names = new Set();
  parser.parse(query).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) {
        errors.push(query.slice(Math.max(from - 10, 0), to + 10));
      } else if (type.name === 'Identifier') {
        names.add(query.slice(from, to));
      }
    },
  });
  return { errors, names: [...names] };
}

console.log(JSON.stringify((await json(process.stdin)).map(read)));
