# Completion of mail-proxy for bash 4.4 and newer.
# `mail-proxy completion install` puts it where bash-completion finds it.
# Nothing that the program prints is ever evaluated here.

_mail_proxy() {
    local current="${COMP_WORDS[COMP_CWORD]}" line
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            __files__*)
                _mail_proxy_files "$current" "${line#__files__}"
                return
                ;;
        esac
        line="${line%%$'\t'*}"
        # bash takes a word apart at `=`, and replaces only what follows.
        if [[ "$line" == --*=* && "$current" != --* ]]; then
            line="${line#*=}"
        fi
        # And at `:`.
        if [[ "$current" == ":" || "${COMP_WORDS[COMP_CWORD - 1]}" == ":" ]]; then
            line="${line##*:}"
        fi
        COMPREPLY+=("$line")
    done < <(command mail-proxy __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    # What ends so goes on.
    if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=/:] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# Files that begin with $1; $2: empty, or a colon and a pattern.
_mail_proxy_files() {
    local typed="$1" name
    [[ "$typed" == "=" ]] && typed=""
    compopt -o filenames 2>/dev/null
    if [[ -z "$2" ]]; then
        while IFS= read -r name; do COMPREPLY+=("$name"); done < <(compgen -f -- "$typed")
        return
    fi
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <(compgen -d -- "$typed"; compgen -f -X "!${2#:}" -- "$typed")
}

complete -F _mail_proxy mail-proxy
