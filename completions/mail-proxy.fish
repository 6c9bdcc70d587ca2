# Completion of mail-proxy for fish 3.4 and newer.
# `mail-proxy completion install` puts it where fish finds it.
# Nothing that the program prints is ever evaluated here.

function __mail_proxy_complete
    set -l before (commandline -opc)
    set -e before[1]
    set -l current (commandline -ct)
    for line in (command mail-proxy __complete -- $before "$current" 2>/dev/null)
        switch $line
            case __files__
                __fish_complete_path "$current"
            case '__files__:*'
                # Folders, and what ends as the pattern does.
                set -l ending (string escape --style=regex -- (string replace '__files__:*' '' -- $line))
                __fish_complete_path "$current" | string match -er -- "^[^\t]*(/|$ending)(\t|\$)"
            case '*'
                printf '%s\n' $line
        end
    end
end

complete -c mail-proxy -f -a '(__mail_proxy_complete)'
