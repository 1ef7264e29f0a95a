/**
 * The scripts that teach a shell to complete `kbuild`. Each asks the program (`kbuild completion
 * words …`), which prints one candidate a line, a tab and its summary behind it; where it prints
 * none, the shell completes files.
 */

/** The shells, by name. */
export const COMPLETION_SHELLS = ["bash", "zsh", "fish"] as const;

/** Bash from 3.2 on, which macOS has. Words are cut anew, because bash cuts them at "=" and ":". */
const BASH = `# bash completion of kbuild; for ~/.bashrc: eval "$(kbuild completion bash)"
_kbuild() {
  local line=\${COMP_LINE:0:COMP_POINT} IFS word cur kept
  local -a words
  IFS=$' \\t\\n' read -r -a words <<<"$line"
  case $line in *[[:blank:]]) words[\${#words[@]}]= ;; esac
  cur=\${words[\${#words[@]} - 1]}
  # Bash replaces what follows the last "=" or ":" alone.
  kept=\${cur%"\${cur##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    word=\${word#"$kept"}
    # A directory of a checkout may be named like a command.
    case $word in *[!A-Za-z0-9_@%+=:,./-]*) printf -v word %q "$word" ;; esac
    case $word in *=) ;; *) word="$word " ;; esac
    COMPREPLY[\${#COMPREPLY[@]}]=$word
  done < <("\${words[0]}" completion words "\${words[@]:1}" 2>/dev/null)
}
complete -o nospace -o default -F _kbuild kbuild
`;

const ZSH = `#compdef kbuild
# zsh completion of kbuild; for ~/.zshrc: eval "$(kbuild completion zsh)"
_kbuild() {
  local line word summary
  local -a plain plain_summaries open open_summaries
  while IFS=$'\\t' read -r word summary; do
    if [[ $word == *= ]]; then
      open+=("$word") open_summaries+=("$word  $summary")
    else
      plain+=("$word") plain_summaries+=("$word\${summary:+  $summary}")
    fi
  done < <("\${words[1]}" completion words "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#plain} + \${#open} == 0 )); then
    _files
    return
  fi
  (( \${#plain} )) && compadd -l -d plain_summaries -a plain
  (( \${#open} )) && compadd -S '' -l -d open_summaries -a open
  return 0
}
if [ "$funcstack[1]" = _kbuild ]; then
  _kbuild "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _kbuild kbuild
fi
`;

const FISH =
  `# fish completion of kbuild: kbuild completion fish >~/.config/fish/completions/kbuild.fish
function __kbuild_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l found ($program completion words $words (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c kbuild -f -a '(__kbuild_complete)'
`;

/** The script for a shell. */
export function completionScript(shell: (typeof COMPLETION_SHELLS)[number]): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell];
}
