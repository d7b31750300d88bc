// The words of the page around the element.

export const words: Record<string, Record<string, string>> = {
  en: {
    title: 'My consumption',
    options: 'Options',
    language: 'Language',
    theme: 'Theme',
    auto: 'Same as the device',
    light: 'Light',
    dark: 'Dark',
    print: 'Print',
    leave: 'Sign out',
    token: 'Access token, from your operator',
    enter: 'Sign in',
  },
  fr: {
    title: 'Ma consommation',
    options: 'Options',
    language: 'Langue',
    theme: 'Thème',
    auto: 'Comme l’appareil',
    light: 'Clair',
    dark: 'Sombre',
    print: 'Imprimer',
    leave: 'Se déconnecter',
    token: 'Jeton d’accès, fourni par votre opérateur',
    enter: 'Se connecter',
  },
};
