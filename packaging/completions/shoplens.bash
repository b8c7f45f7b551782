# SPDX-License-Identifier: Apache-2.0
# Tab in bash: what `shoplens --complete` offers. Installed as share/bash-completion/completions/shoplens.
_shoplens() {
  local begun word
  local -a words
  # Split here, as bash's own COMP_WORDS are also split at "="; the x keeps a last word that is empty.
  # shellcheck disable=SC2162  # a backslash before a space belongs to the word
  read -a words <<<"${COMP_LINE:0:COMP_POINT}x"
  words[-1]=${words[-1]%x}
  begun=${words[-1]}
  COMPREPLY=()
  while IFS=$'\t' read -r word _; do
    if [[ $word == :files ]]; then
      compopt -o default
    else
      [[ $begun != *=* ]] || word=${word#*=}  # bash replaces what is after "=" alone
      COMPREPLY+=("$word")
    fi
  done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
}
complete -F _shoplens shoplens
