# Runs cells in this very shell, so that variables, functions, folder and options live on.
# Commands come in on descriptor 3, see loop.ts. Signal 40 ends the cell and not the shell; it is
# ignored as long as no cell runs. By `builtin` and `command`, because a cell may have functions of
# these names.
trap '' 40

# From now on each command of the cell is a return, out of every function and file that it is in.
__kyozo_leave() {
  builtin shopt -s extdebug
  builtin trap '((${#BASH_SOURCE[@]} < 2)) || __kyozo_return' DEBUG
}
# As the result of a DEBUG trap, 2 means to return from where the shell is.
__kyozo_return() { builtin return 2; }

builtin printf '{"type":"ready"}\n' >&3
while IFS=' ' builtin read -r -u 3 __kyozo_nonce __kyozo_source __kyozo_setup; do
  # The shell hears here of what was killed with the cell before, and says so to nobody.
  builtin jobs &>/dev/null
  __kyozo_source=$(command base64 -d <<<"$__kyozo_source")
  [[ -z $__kyozo_setup ]] || builtin eval "$(command base64 -d <<<"$__kyozo_setup")"
  builtin . /opt/kyozo/loops/cell.sh
  __kyozo_status=$?
  builtin trap '' 40
  if builtin shopt -q extdebug; then
    builtin trap - DEBUG
    builtin shopt -u extdebug
    builtin set +T +E
  fi
  builtin printf '\001end %s\001' "$__kyozo_nonce"
  builtin printf '\001end %s\001' "$__kyozo_nonce" >&2
  builtin printf '{"type":"done","exitCode":%d}\n' "$__kyozo_status" >&3
done
