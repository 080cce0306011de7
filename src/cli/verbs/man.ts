import type { Arguments } from '../arguments.ts';
import { CLUSTER_VERBS } from '../cluster/table.ts';
import { EXIT_DONE, UsageError } from '../exit.ts';
import { DESCRIPTION, EXIT_STATUSES, optionUsage, sentence, usageOf } from '../help-text.ts';
import { OPTION_NAMES, OPTIONS, type OptionName } from '../options.ts';
import { VERBS } from '../table.ts';
import { version } from '../version.ts';

/** The verb `man`. */
export async function runMan({ operands }: Arguments): Promise<number> {
  if (operands.length > 0) throw new UsageError(`man takes nothing, got ${operands.join(' ')}`);
  process.stdout.write(manualPage());
  return EXIT_DONE;
}

/** In the language of man(7). */
function manualPage(): string {
  const verbs = [...VERBS, ...CLUSTER_VERBS]
    .map(
      verb =>
        `.TP\n.B ${roff(usageOf(verb))}\n${roff(sentence(verb.text))}\nExample:\n.B ${roff(`deferred-sweep ${verb.example}`)}\n`,
    )
    .join('');
  const options = OPTION_NAMES.map(
    name => `.TP\n.B ${roff(optionUsage(name))}\n${roff(meaningsOf(name))}\n`,
  ).join('');
  const statuses = EXIT_STATUSES.map((text, status) => `.TP\n${status}\n${roff(sentence(text))}\n`).join('');
  return `.TH DEFERRED-SWEEP 1 "" "deferred-sweep ${version()}"
.SH NAME
deferred-sweep \\- run the cleanups that dead processes left
.SH SYNOPSIS
.B deferred-sweep
[VERB] [OPTION...] [OPERAND...]
.SH DESCRIPTION
${DESCRIPTION}
.SH VERBS
${verbs}.SH OPTIONS
${options}.SH ENVIRONMENT
.TP
.B DEFERRED_SWEEP_DIR
BASE where none is named; without it /var/tmp/deferred-sweep-UID.
.TP
.B DEFERRED_SWEEP_POSTGRES
URL of the server, for the verbs of cluster; without it PGHOST, PGUSER, ...
.SH EXIT STATUS
${statuses}`;
}

/** What an option means with most verbs, and with some. */
function meaningsOf(name: OptionName): string {
  const others = VERBS.flatMap(({ name: verb, optionTexts = {} }) =>
    optionTexts[name] === undefined ? [] : [`With ${verb}: ${optionTexts[name]}.`],
  );
  return [sentence(OPTIONS[name].text), ...others].join(' ');
}

function roff(text: string): string {
  return text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
}
