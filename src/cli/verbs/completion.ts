import { FILE_STATES } from '../../operate/listed-file.ts';
import { OWNER_STATES } from '../../postgres/listed-owner.ts';
import type { Arguments } from '../arguments.ts';
import { CLUSTER_VERBS } from '../cluster/table.ts';
import { EXIT_DONE, UsageError } from '../exit.ts';
import { OPTION_NAMES, OPTIONS } from '../options.ts';
import { VERB_NAMES, VERBS, verbNamed } from '../table.ts';

export async function runCompletion({ operands }: Arguments): Promise<number> {
  if (operands.length !== 1 || operands[0] !== 'bash')
    throw new UsageError(`completion knows the shell bash, got ${operands.join(' ') || 'none'}`);
  process.stdout.write(bashCompletion());
  return EXIT_DONE;
}

/** Directories are completed where a BASE may stand, files behind options that take one. */
function bashCompletion(): string {
  const cases = [...VERBS, ...CLUSTER_VERBS]
    .map(
      ({ name, options }) =>
        `    '${name}') options='${[...options.map(option => `--${option}`), '--help'].join(' ')}' ;;`,
    )
    .join('\n');
  const taking = (isMeant: (value: string) => boolean): string =>
    OPTION_NAMES.filter(name => isMeant(OPTIONS[name].value ?? ''))
      .map(name => `--${name}`)
      .join('|');
  return `# bash completion of deferred-sweep: source <(deferred-sweep completion bash)
_deferred_sweep_paths() {
  local IFS=$'\\n'
  COMPREPLY+=($(compgen "$1" -- "$word"))
}
_deferred_sweep() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb=\${COMP_WORDS[1]} options
  local verbs='${VERB_NAMES.join(' ')}' states='${FILE_STATES.join(' ')}'
  if [[ $verb == cluster ]]; then states='${OWNER_STATES.join(' ')}'; fi
  if [[ $verb == cluster && $COMP_CWORD -gt 2 ]]; then verb="cluster \${COMP_WORDS[2]}"; fi
  case $verb in
${cases}
    *) options='${[...verbNamed('sweep')!.options.map(option => `--${option}`), '--help --version'].join(' ')}' ;;
  esac
  COMPREPLY=()
  case $before in
    ${taking(value => value === 'PATH' || value === 'BASE')}) _deferred_sweep_paths -d; return ;;
    ${taking(value => value === 'FILE')}) _deferred_sweep_paths -f; return ;;
    ${taking(value => value === 'STATE')}) COMPREPLY=($(compgen -W "$states" -- "$word")); return ;;
    ${taking(value => value !== '')}) return ;;
  esac
  if [[ $word == -* ]]; then COMPREPLY=($(compgen -W "$options" -- "$word")); return; fi
  if [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$word"))
    _deferred_sweep_paths -d
  elif [[ $verb == help ]]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$word"))
  elif [[ $verb == completion ]]; then
    COMPREPLY=($(compgen -W bash -- "$word"))
  elif [[ $COMP_CWORD == 2 && $verb == cluster ]]; then
    COMPREPLY=($(compgen -W '${CLUSTER_VERBS.map(({ name }) => name.split(' ')[1]).join(' ')}' -- "$word"))
  else
    _deferred_sweep_paths -d
  fi
}
complete -o filenames -F _deferred_sweep deferred-sweep
`;
}
