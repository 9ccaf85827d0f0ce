// node types/check.mjs DASHBOARD.json...: lets the TypeScript compiler hold dashboards against Grafana's types.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const HERE = import.meta.dirname;
const TARGET = path.join(HERE, '../node_modules/.cache/dashboards/check.ts');
const STRICT = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];

const constants = process.argv.slice(2).map((file) => {
  const name = path.basename(file, '.json').replaceAll('-', '_');
  return `export const ${name}: Dashboard = ${fs.readFileSync(file, 'utf8')};`;
});
fs.mkdirSync(path.dirname(TARGET), { recursive: true });
fs.writeFileSync(TARGET, [`import type { Dashboard } from '${path.join(HERE, 'dashboard')}';`, ...constants].join('\n'));
const compiler = path.join(HERE, '../node_modules/typescript/bin/tsc');
const { status } = spawnSync(process.execPath, [compiler, ...STRICT, TARGET], { stdio: 'inherit' });
process.exit(status ?? 1);
