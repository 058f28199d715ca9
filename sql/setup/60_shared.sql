/*
Where readers without access to patients see aggregate marts: views of the same names, under disclosure control, made by
`medimart.models.disclosure` at every publish.
*/
create schema if not exists shared_marts;
comment on schema shared_marts is 'Aggregate marts under disclosure control: small counts hidden, others rounded';
