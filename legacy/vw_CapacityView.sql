/* -----------------------------------------------------------------------------
   Clinic capacity of last week. Feeds the sheet "Capacity" of Waiting List Summary.xlsx
   11/09/2015 JB  first version
   30/01/2017 JB  cancelled appointments taken out
   -------------------------------------------------------------------------- */
CREATE VIEW [dbo].[vw_CapacityView]
AS
SELECT a.[Appointment_ID]
      ,a.[Trust_ID]
      ,a.[Specialty]
      ,CONVERT(varchar(10), a.[Appt_Date], 103)                   AS [Clinic_Date]
FROM   [dbo].[Appointments] AS a WITH (NOLOCK)
       INNER JOIN [dbo].[Trusts] AS t WITH (NOLOCK) ON t.[Trust_ID] = a.[Trust_ID]
WHERE  DATEDIFF(week, a.[Appt_Date], GETDATE()) = 1   -- last week
  AND  a.[Appt_Status] NOT IN ('Cancelled by Patient', 'Cancelled by Provider')
