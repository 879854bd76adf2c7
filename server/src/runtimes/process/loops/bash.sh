# Runs cells in this very shell, so that variables, functions, folder and options live on.
# Commands come in on descriptor 3, see loop.ts. Signal 40 ends the cell and not the shell.
trap '' 40

# From now on each command of the cell is a return, out of every function and file that it is in.
__kyozo_leave() {
  ((${#BASH_SOURCE[@]} > 2)) || return 0
  shopt -s extdebug
  trap '((${#BASH_SOURCE[@]} < 2)) || __kyozo_return' DEBUG
}
# As the result of a DEBUG trap, 2 means to return from where the shell is.
__kyozo_return() { return 2; }

printf '{"type":"ready"}\n' >&3
while IFS=' ' read -r -u 3 __kyozo_nonce __kyozo_source __kyozo_setup; do
  [[ -z $__kyozo_setup ]] || eval "$(base64 -d <<<"$__kyozo_setup")"
  trap '__kyozo_leave; ((${#BASH_SOURCE[@]} < 2)) || return 130' 40
  . <(base64 -d <<<"$__kyozo_source") </dev/null 3>&-
  __kyozo_status=$?
  trap '' 40
  if shopt -q extdebug; then
    trap - DEBUG
    shopt -u extdebug
    set +T +E
  fi
  printf '\001end %s\001' "$__kyozo_nonce"
  printf '\001end %s\001' "$__kyozo_nonce" >&2
  printf '{"type":"done","exitCode":%d}\n' "$__kyozo_status" >&3
done
