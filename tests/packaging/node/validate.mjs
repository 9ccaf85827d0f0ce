// node validate.mjs < OBJECTS.json: what speaks against an array of the Prometheus operator's objects, a line each.
// Their schemas know forms and values, the types that are made of them the names of all fields; each misses what the other sees.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import * as v1 from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";

const STRICT = "--noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target es2022".split(" ");
const target = path.join(import.meta.dirname, "node_modules/.cache/objects.ts");

const objects = JSON.parse(fs.readFileSync(0, "utf8"));
for (const object of objects) {
  try {
    new v1[object.kind](object).validate();
  } catch (error) {
    console.log(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}

const constants = objects.map((object, at) => `export const o${at}: v1.I${object.kind} = ${JSON.stringify(object, null, 1)};`);
const head = 'import type * as v1 from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";';
fs.mkdirSync(path.dirname(target), { recursive: true });
fs.writeFileSync(target, [head, ...constants].join("\n"));
const compiler = path.join(import.meta.dirname, "node_modules/typescript/bin/tsc");
spawnSync(process.execPath, [compiler, ...STRICT, target], { stdio: "inherit" });
