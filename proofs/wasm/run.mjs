// run.mjs MODULE: runs the script in a module that may import nothing, and prints what it says.
import { readFileSync } from 'node:fs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) {
  console.log(`imports: ${imports.map((entry) => `${entry.module}.${entry.name}`).join(', ')}`);
  process.exit(3);
}
const { run, text, memory } = new WebAssembly.Instance(module).exports;
const len = run();
process.stdout.write(Buffer.from(memory.buffer, text(), len));
