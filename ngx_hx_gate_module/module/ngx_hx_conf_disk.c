/*
 * ngx_hx_conf_disk.c -- what directives of ours name on the disk: is it there,
 * who else may write it, is there more in it than has room in memory?  Asked
 * when all of http has been read, and said with the line of the directive.
 */

#include "ngx_hx_conf.h"


#define NGX_HX_DISK_TENANT   1024       /* bytes of one in the registry */
#define NGX_HX_DISK_PLACE    240        /* bytes of one in the zone */


static void
ngx_hx_disk_log(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const hx_conf_dir_t *at, const char *what, const ngx_str_t *name,
    const char *why)
{
    ngx_hx_place_t    place;
    ngx_conf_file_t   here, *saved;

    place.file.data = (u_char *) at->file;
    place.file.len = ngx_strlen(at->file);
    place.line = at->line;

    ngx_hx_conf_enter(cf, &place, &here, &saved);
    ngx_conf_log_error(level, cf, err, "%s \"%V\" %s", what, name, why);
    ngx_hx_conf_leave(cf, saved);
}


/* A full name of its own, NUL-terminated; len 0: no memory. */

static ngx_str_t
ngx_hx_disk_name(ngx_conf_t *cf, const hx_str_t *word, size_t skip)
{
    ngx_str_t  name;

    name.len = word->len - skip;
    name.data = ngx_pnalloc(cf->temp_pool, name.len + 1);

    if (name.data == NULL) {
        name.len = 0;
        return name;
    }

    (void) ngx_cpystrn(name.data, (u_char *) word->data + skip, name.len + 1);

    if (ngx_conf_full_name(cf->cycle, &name, 0) != NGX_OK) {
        name.len = 0;
    }

    return name;
}


/* Others may write there, and not only what is their own (as in /tmp)? */

static ngx_uint_t
ngx_hx_disk_is_open(const ngx_file_info_t *fi, ngx_uint_t sticky)
{
    return (fi->st_mode & S_IWOTH)
           && !(sticky && (fi->st_mode & S_ISVTX));
}


static void
ngx_hx_disk_directory(ngx_conf_t *cf, const hx_conf_dir_t *at,
    const char *what, const ngx_str_t *dir)
{
    ngx_file_info_t  fi;

    if (dir->len != 0 && ngx_file_info(dir->data, &fi) != NGX_FILE_ERROR
        && ngx_is_dir(&fi) && ngx_hx_disk_is_open(&fi, 1))
    {
        ngx_hx_disk_log(NGX_LOG_WARN, cf, 0, at, what, dir,
                        "can be written by everybody on this machine");
    }
}


/* nginx would say that it cannot open the file, but not who wants it. */

static ngx_uint_t
ngx_hx_disk_audit(ngx_conf_t *cf, const hx_conf_dir_t *at)
{
    u_char           *slash;
    ngx_str_t         file, dir;
    ngx_file_info_t   fi;

    if (at->n < 2 || (at->word[1].len == 3
                      && ngx_strncmp(at->word[1].data, "off", 3) == 0)) {
        return 0;
    }

    file = ngx_hx_disk_name(cf, &at->word[1], 0);
    dir = ngx_hx_disk_name(cf, &at->word[1], 0);

    if (file.len == 0 || dir.len == 0) {
        return 1;
    }

    slash = (u_char *) strrchr((char *) dir.data, '/');

    if (slash == NULL || slash == dir.data) {
        return 0;
    }

    *slash = '\0';
    dir.len = (size_t) (slash - dir.data);

    if (ngx_file_info(dir.data, &fi) == NGX_FILE_ERROR) {
        ngx_hx_disk_log(NGX_LOG_EMERG, cf, ngx_errno, at,
                        "the directory of the audit log", &file,
                        "is not usable");
        return 1;
    }

    ngx_hx_disk_directory(cf, at, "the directory of the audit log", &dir);

    if (ngx_file_info(file.data, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)
        && ngx_hx_disk_is_open(&fi, 0))
    {
        ngx_hx_disk_log(NGX_LOG_WARN, cf, 0, at, "the audit log", &file,
                        "can be written by everybody on this machine");
    }

    return 0;
}


static ngx_uint_t
ngx_hx_disk_audits(ngx_conf_t *cf, const hx_conf_dir_t *block)
{
    ngx_uint_t            errors;
    const hx_conf_dir_t  *d;

    errors = 0;

    for (d = block->plain.first; d != NULL; d = d->next) {
        if (hx_conf_is(d, "hx_gate_audit_log")) {
            errors += ngx_hx_disk_audit(cf, d);
        }
    }

    for (d = block->blocks.first; d != NULL; d = d->next) {
        errors += ngx_hx_disk_audits(cf, d);
    }

    return errors;
}


/*
 * Has the registry many more tenants than have room in the zone?  Its file says
 * roughly how many there are; it never shrinks, so only half of it is counted.
 */

static void
ngx_hx_disk_zone(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf,
    const hx_conf_dir_t *at)
{
    off_t             fit, there;
    u_char            path[NGX_MAX_PATH], *p;
    ngx_file_info_t   fi;

    ngx_hx_disk_directory(cf, at, "hx_gate_zone state",
                          &mcf->zone_conf.state_dir);

    p = ngx_snprintf(path, sizeof(path) - 1, "%V/data.mdb",
                     &mcf->registry.dir);
    *p = '\0';

    if (ngx_file_info(path, &fi) == NGX_FILE_ERROR) {
        return;
    }

    there = ngx_file_size(&fi) / 2 / NGX_HX_DISK_TENANT;
    fit = (off_t) mcf->zone_conf.size / NGX_HX_DISK_PLACE;

    if (there > fit) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0, "\"hx_gate_zone\" has room for "
                      "about %O tenants, and the registry, of %OM, has more "
                      "in %s:%ui", fit, ngx_file_size(&fi) / 1024 / 1024,
                      at->file, (ngx_uint_t) at->line);
    }
}


ngx_uint_t
ngx_hx_conf_disk(ngx_conf_t *cf, const ngx_hx_main_conf_t *mcf,
    const hx_conf_dir_t *http)
{
    const hx_conf_dir_t  *d;

    for (d = http->plain.first; d != NULL; d = d->next) {
        if (hx_conf_is(d, "hx_gate_registry") && mcf->registry.fleet != NULL) {
            ngx_hx_disk_directory(cf, d, "usage", &mcf->registry.usage_dir);

        } else if (hx_conf_is(d, "hx_gate_registry")) {
            ngx_hx_disk_directory(cf, d, "registry", &mcf->registry.dir);

        } else if (hx_conf_is(d, "hx_gate_zone")) {
            ngx_hx_disk_zone(cf, mcf, d);
        }
    }

    return ngx_hx_disk_audits(cf, http);
}
